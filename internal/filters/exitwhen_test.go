package filters

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/block/blocktest"
)

// touch makes or removes a file.
func touch(t *testing.T, path string, there bool) {
	t.Helper()
	err := os.Remove(path)
	if there {
		err = os.WriteFile(path, nil, 0o600)
	}
	if err != nil {
		t.Error(err)
	}
}

// ended reports whether a layer has asked for the end of the session.
func ended(s *blocktest.Stack) bool {
	select {
	case <-s.Ended:
		return true
	default:
		return false
	}
}

// awaitEnd waits for something that happens in real time.
func awaitEnd(t *testing.T, s *blocktest.Stack) {
	t.Helper()
	select {
	case <-s.Ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the session does not end")
	}
}

// Without clients an event is seen at the next poll, and not before.
func TestExitwhenPolls(t *testing.T) {
	for event, there := range map[string]bool{"exit-when-file-created": true, "exit-when-file-deleted": false, "exit-when-script": true} {
		path := filepath.Join(t.TempDir(), "file")
		if !there {
			touch(t, path, true)
		}
		word := event + "=" + path
		if event == "exit-when-script" {
			word = event + "=test -e " + path + " && exit 88; exit 0"
		}
		synctest.Test(t, func(t *testing.T) {
			s := over(t, "exitwhen", word, "exit-when-poll=10")
			time.Sleep(time.Hour + 5*time.Second)
			touch(t, path, there)
			time.Sleep(4900 * time.Millisecond)
			if ended(s) {
				t.Errorf("%s: the session ended before the poll", event)
			}
			time.Sleep(200 * time.Millisecond)
			if event == "exit-when-script" {
				awaitEnd(t, s)
			} else if !ended(s) {
				t.Errorf("%s: the session did not end", event)
			}
			if text := <-s.Events; !strings.HasPrefix(text, "exitwhen: ") {
				t.Errorf("the event is %q", text)
			}
		})
	}
}

// Clients that are there may stay; others are refused; the last one to leave ends the session.
func TestExitwhenWaitsForClients(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "exitwhen", "exit-when-file-created="+path)
		var clients []*block.Door
		for range 2 {
			if err := s.Admit(t.Context(), block.Peer{}); err != nil {
				t.Fatal(err)
			}
			d, err := s.Try(t.Context(), block.OpenRequest{})
			if err != nil {
				t.Fatal(err)
			}
			clients = append(clients, d)
		}
		touch(t, path, true)
		time.Sleep(time.Hour)
		if err := s.Admit(t.Context(), block.Peer{}); !errors.Is(err, block.ErrShutdown) {
			t.Errorf("a client that comes too late: %v", err)
		}
		touch(t, path, false) // it has happened, and stays so
		for _, d := range clients {
			synctest.Wait()
			if ended(s) {
				t.Error("the session ended while a client was there")
			}
			if err := do(t.Context(), d, block.Read, 0); err != nil {
				t.Error(err)
			}
			if err := d.Close(t.Context()); err != nil {
				t.Error(err)
			}
		}
		synctest.Wait()
		if !ended(s) {
			t.Error("the session did not end with its last client")
		}
	})
}

// A client that is refused because of an event which nobody saw before ends the session, and no poll need come.
func TestExitwhenIsSeenByAClient(t *testing.T) {
	path := filepath.Join(t.TempDir(), "file")
	synctest.Test(t, func(t *testing.T) {
		s := over(t, "exitwhen", "exit-when-file-created="+path)
		touch(t, path, true)
		if err := s.Admit(t.Context(), block.Peer{}); !errors.Is(err, block.ErrShutdown) {
			t.Errorf("%v", err)
		}
		synctest.Wait()
		if !ended(s) {
			t.Error("the session did not end")
		}
	})
}

// The end of a pipe is seen though there is something in it, which stays there. On Linux nothing waits for a poll.
func TestExitwhenSeesProcessesAndPipes(t *testing.T) {
	linux := runtime.GOOS == "linux"
	poll := "exit-when-poll=3600"
	if !linux {
		poll = "exit-when-poll=10ms"
	}
	for _, key := range []string{"exit-when-process-exits", "exit-when-pid-exits"} {
		cmd := exec.Command("cat")
		in, err := cmd.StdinPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		s := over(t, "exitwhen", fmt.Sprintf("%s=%d", key, cmd.Process.Pid), poll)
		if ended(s) {
			t.Error("the session ended before the process")
		}
		in.Close()
		if linux { // even before somebody has asked for its status
			awaitEnd(t, s)
			cmd.Wait()
		} else {
			cmd.Wait()
			awaitEnd(t, s)
		}
	}
	for _, key := range []string{"exit-when-pipe-closed", "exit-when-fd-closed"} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Close()
		s := over(t, "exitwhen", fmt.Sprintf("%s=%d", key, r.Fd()), poll)
		fmt.Fprint(w, "not for the server")
		if err := s.Admit(t.Context(), block.Peer{}); err != nil || ended(s) {
			t.Errorf("the session ended before the pipe: %v", err)
		}
		w.Close()
		awaitEnd(t, s)
		b := make([]byte, 100)
		if n, err := r.Read(b); string(b[:n]) != "not for the server" {
			t.Errorf("%q, %v is left in the pipe", b[:n], err)
		}
	}
}

// What has happened already ends the session before it begins.
func TestExitwhenBeforeTheStart(t *testing.T) {
	for word, over := range map[string]bool{
		"exit-when-file-created=/": true, "exit-when-file-deleted=/": false,
		"exit-when-file-created=/nonexistent": false, "exit-when-file-deleted=/nonexistent": true,
		"exit-when-script=exit 88": true, "exit-when-script=exit 87": false, "exit-when-script=kill -9 $$": false, "": false,
	} {
		var words, told []string
		if word != "" {
			words = append(words, word)
		}
		tell := func(f string, a ...any) { told = append(told, fmt.Sprintf(f, a...)) }
		l, err := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "exitwhen", Words: words}).Build(block.Host{Event: tell, Note: tell})
		if err != nil {
			t.Fatal(err)
		}
		if err := l.(block.Starter).Start(); over != errors.Is(err, block.ErrShutdown) || !over && err != nil {
			t.Errorf("%s: %v", word, err)
		}
		if odd := strings.Contains(word, "87") || strings.Contains(word, "kill"); (len(told) > 0) != (over || odd) {
			t.Errorf("%s: told %q", word, told)
		}
		if err := l.Close(); err != nil {
			t.Error(err)
		}
	}
}

// Closing the layer ends a script that hangs.
func TestExitwhenEndsItsScript(t *testing.T) {
	dir := t.TempDir()
	if err := syscall.Mkfifo(filepath.Join(dir, "hangs"), 0o600); err != nil {
		t.Fatal(err)
	}
	script := "cd " + dir + "; test -e started || { touch started; exit 0; }; echo > hangs; sleep 1000"
	l, err := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "exitwhen",
		Words: []string{"exit-when-script=" + script}}).Build(block.Host{})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.(block.Starter).Start(); err != nil {
		t.Fatal(err)
	}
	l.(*exitwhenLayer).poke()
	if _, err := os.ReadFile(filepath.Join(dir, "hangs")); err != nil { // waits until the script is there
		t.Fatal(err)
	}
	if err := l.Close(); err != nil {
		t.Error(err)
	}
}

func TestExitwhenRefuses(t *testing.T) {
	for word, want := range map[string]string{
		"exit-when-pid-exits=0": "at least 1", "exit-when-process-exits=-1": "whole number", "exit-when-pid-exits=x": "whole number",
		"exit-when-pipe-closed=-1": "whole number", "exit-when-fd-closed=": "whole number",
		"exit-when-poll=0": "more than 0", "exit-when-poll=x": "not a time", "exit-when-file-created=": "empty",
	} {
		key, value, _ := strings.Cut(word, "=")
		if err := refused(t, "exitwhen", key, value); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want an error with %q", word, err, want)
		}
	}
	gone := exec.Command("true")
	if err := gone.Run(); err != nil {
		t.Fatal(err)
	}
	for word, want := range map[string]error{
		fmt.Sprintf("exit-when-pid-exits=%d", gone.Process.Pid): syscall.ESRCH, "exit-when-pipe-closed=999": syscall.EBADF,
	} {
		if _, err := blocktest.Configure(t, blocktest.Layer{Kind: block.Filter, Name: "exitwhen", Words: []string{word}}).Build(block.Host{}); !errors.Is(err, want) {
			t.Errorf("%s: %v, want %v", word, err, want)
		}
	}
}
