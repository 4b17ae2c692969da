package main

import (
	"os"
	"os/exec"
	"testing"
	"time"
)

// A parent that has gone, or was changed, while we came to look is one that has ended; a pid that is somebody else's by
// then does not deceive.
func TestAParentThatHasGoneAlready(t *testing.T) {
	ended := exec.Command("true")
	if err := ended.Run(); err != nil {
		t.Fatal(err)
	}
	other := exec.Command("sleep", "600")
	if err := other.Start(); err != nil {
		t.Fatal(err)
	}
	defer other.Wait()
	defer other.Process.Kill()
	defer func(pid int) { startedBy = pid }(startedBy)
	for what, pid := range map[string]int{"gone": ended.Process.Pid, "another": other.Process.Pid} {
		startedBy = pid
		gone, err := watchParent()
		if err != nil {
			t.Fatal(err)
		}
		select {
		case <-gone:
		case <-time.After(patience):
			t.Errorf("the parent is %s, and nobody is told", what)
		}
	}
	startedBy = os.Getppid()
	gone, err := watchParent()
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-gone:
		t.Error("the parent is there, and has ended")
	default:
	}
	startedBy = 0
	if _, err := watchParent(); err == nil {
		t.Error("a parent outside of the namespace can be watched")
	}
}
