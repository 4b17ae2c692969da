package main

import (
	"strings"
	"testing"
)

// What a log's script prints is printed: the manual's example, which counts reads.
func TestALogsScriptPrints(t *testing.T) {
	peer(t, "nbdsh")
	r := quiet(t, "--filter=log", "null", "10M",
		`logscript=case $act$type in ReadENTER) echo $connection $type $id $act $offset >&2;; Ready*) echo ready;; esac; exit 7`,
		"--run", `PATH=/usr/bin:$PATH nbdsh -u "$nbd" -c 'h.pread(512, 0)' -c 'h.pread(512, 512)'`)
	if r.code != 0 || r.stderr != "1 ENTER 1 Read 0x0\n1 ENTER 2 Read 0x200\n" || r.stdout != "ready\n" {
		t.Errorf("status %d, %q and %q", r.code, r.stdout, r.stderr)
	}
	r = quiet(t, "--ui=plain", "--filter=log", "null", "10M", `logscript=echo seen $act`, "--run", "true")
	if r.code != 0 || r.stdout != "" || !strings.Contains(r.stderr, " log: seen Ready") {
		t.Errorf("plain: status %d, %q and %q", r.code, r.stdout, r.stderr)
	}
}
