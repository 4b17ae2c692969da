package main

import (
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

var update = flag.Bool("update", false, "write the golden files of what the program prints of itself")

// golden compares with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s has changed; if it should, pass -update\n%s", path, diff)
	}
}

func TestWhatTheProgramPrintsOfItself(t *testing.T) {
	machine := regexp.MustCompile(`(?m)^(binary|bindir|sbindir|host_cpu|host_os|selinux)=.+$`)
	for name, line := range map[string]string{
		"help.txt":        "--help",
		"long.txt":        "--long-options",
		"short.txt":       "--short-options",
		"dump-config.txt": "--dump-config",
		"dump-memory.txt": "--dump-plugin memory",
		"dump-eval.txt":   "--dump-plugin eval",
		"nbdtui.1":        "man",
		"nbdtui.bash":     "completion bash",
		"nbdtui.zsh":      "completion zsh",
		"nbdtui.fish":     "completion fish",
	} {
		r := quiet(t, strings.Fields(line)...)
		if r.code != 0 || r.stderr != "" {
			t.Errorf("%s: status %d, %s", line, r.code, r.stderr)
		}
		golden(t, name, machine.ReplaceAllString(r.stdout, "$1=…"))
	}
}

func TestAllCommandsAreOffered(t *testing.T) {
	want := slices.Sorted(maps.Keys(commands))
	if got := slices.Sorted(slices.Values(commandNames)); !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// A real bash is asked what it would offer. COMP_WORDS are the words as it breaks them, "=" apart.
func TestBashCompletes(t *testing.T) {
	peer(t, "bash")
	for line, want := range map[string]string{
		"nbdtui mem":                           "memory",
		"nbdtui --ro":                          "",
		"nbdtui --reado":                       "--readonly",
		"nbdtui --filter = pau":                "pause",
		"nbdtui --filter pau":                  "pause",
		"nbdtui --log =":                       "stderr syslog null",
		"nbdtui -p 1":                          "",
		"nbdtui --unix = testdata/nbdtui.z":    "testdata/nbdtui.zsh",
		"nbdtui file fadv":                     "fadvise=",
		"nbdtui file file = testdata/nbdtui.z": "testdata/nbdtui.zsh",
		"nbdtui file testdata/nbdtui.b":        "testdata/nbdtui.bash",
		"nbdtui memory --filter = pause pause": "pause-control=",
		"nbdtui completion z":                  "zsh",
	} {
		words := strings.Fields(line)
		script := `source testdata/nbdtui.bash; compopt() { :; }; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _nbdtui; echo "${COMPREPLY[*]}"`
		out, err := exec.Command("bash", append([]string{"-c", script, "bash"}, words...)...).CombinedOutput()
		if err != nil || string(out) != want+"\n" {
			t.Errorf("%s: %q, %v, want %q", line, out, err, want)
		}
	}
}
