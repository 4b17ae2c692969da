package ui

import (
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"
)

// In this mode the test binary is a dashboard to look at:
//
//	go test -c -o /tmp/ui ./internal/ui && NBDTUI_PLAY='qemu-img --help; sh' /tmp/ui
func TestMain(m *testing.M) {
	if command, ok := os.LookupEnv("NBDTUI_PLAY"); ok {
		p := newPlay(command)
		if err := Run(p, os.Stdin, os.Stdout, Options{}); err != nil {
			fmt.Println(err)
			os.Exit(1)
		}
		fmt.Print(Summary(p.Snapshot(), nil, Options{}))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func environ() []string { return os.Environ() }
