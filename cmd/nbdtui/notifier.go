package main

import (
	"fmt"
	"net"
	"os"
	"sync"

	"example.com/nbdtui/internal/session"
)

// notifier tells a service manager how things stand (sd_notify(3)). Its methods do nothing where there is none.
type notifier struct {
	manager net.Conn

	mu     sync.Mutex
	state  session.State
	closed bool
	wake   chan struct{} // state or closed has changed
	done   chan struct{}
}

// newNotifier starts one, where the environment names a service manager, which it then does no longer: what is said of
// this process is not for its children to say. The caller closes it.
func newNotifier() (*notifier, error) {
	const variable = "NOTIFY_SOCKET"
	path := os.Getenv(variable)
	os.Unsetenv(variable)
	if path == "" {
		return nil, nil
	}
	manager, err := net.Dial("unixgram", path)
	if err != nil {
		return nil, fmt.Errorf("tell the service manager at %s: %w", path, err)
	}
	n := &notifier{manager: manager, state: session.Listening, wake: make(chan struct{}, 1), done: make(chan struct{})}
	go n.run()
	return n, nil
}

// tell sends some lines. A service manager that is gone is no reason to end.
func (n *notifier) tell(lines string) { n.manager.Write([]byte(lines)) }

// ready says that clients can come.
func (n *notifier) ready() {
	if n != nil {
		n.tell("READY=1\nSTATUS=" + statuses[session.Listening])
	}
}

// change takes a new state. It never blocks: states that follow one another quickly may be told as one.
func (n *notifier) change(s session.State) {
	if n == nil {
		return
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.state = s
	n.poke()
}

// close tells the last state, and ends.
func (n *notifier) close() {
	if n == nil {
		return
	}
	n.mu.Lock()
	n.closed = true
	n.poke()
	n.mu.Unlock()
	<-n.done
	n.manager.Close()
}

func (n *notifier) poke() {
	select {
	case n.wake <- struct{}{}:
	default:
	}
}

var statuses = map[session.State]string{
	session.Listening: "serving",
	session.Running:   "serving",
	session.Pausing:   "pausing: requests in flight are being finished",
	session.Paused:    "paused",
	session.Stopping:  "shutting down",
	session.Waiting:   "server stopped, waiting for the command",
	session.Ended:     "shut down",
}

func (n *notifier) run() {
	defer close(n.done)
	told := session.Listening
	for range n.wake {
		n.mu.Lock()
		now, closed := n.state, n.closed
		n.mu.Unlock()
		if now != told {
			text := "STATUS=" + statuses[now]
			if now >= session.Stopping && told < session.Stopping {
				text = "STOPPING=1\n" + text
			}
			n.tell(text)
			told = now
		}
		if closed {
			return
		}
	}
}
