package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// nbdServerExport is what nbd-server calls the file: it has no export without a name.
const nbdServerExport = "bench"

// nbdServer is nbd-server's command line. It reads everything from a file, and serves several clients only as a daemon,
// by a process for each.
func (p place) nbdServer(splice string) ([]string, error) {
	if p.memory || p.many || p.copies && splice == "true" || p.tls || len(p.filters) > 0 {
		return nil, nil
	}
	config := filepath.Join(p.dir, "nbd-server.conf")
	text := fmt.Sprintf("[generic]\nlistenaddr = 127.0.0.1\nport = %s\n", p.port)
	if !p.tcp {
		text += "unixsock = " + p.socket + "\n"
	}
	text += fmt.Sprintf("[%s]\nexportname = %s\nsplice = %s\n", nbdServerExport, p.file, splice)
	if err := os.WriteFile(config, []byte(text), 0o644); err != nil {
		return nil, err
	}
	return []string{"nbd-server", "-C", config, "-p", p.pidFile()}, nil
}

func (p place) pidFile() string { return filepath.Join(p.dir, "pid") }

// daemon waits until the daemon has said who it is.
func (p place) daemon(ctx context.Context) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, startTime)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		text, err := os.ReadFile(p.pidFile())
		if pid, bad := strconv.Atoi(strings.TrimSpace(string(text))); err == nil && bad == nil {
			return pid, nil
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return 0, errors.New("the daemon does not say who it is")
		}
	}
}
