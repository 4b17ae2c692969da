package ui

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	tea "github.com/charmbracelet/bubbletea"
	"github.com/charmbracelet/x/ansi"
	"github.com/charmbracelet/x/term"

	"example.com/nbdtui/internal/captive"
	_ "example.com/nbdtui/internal/ui/noprobe"
)

const (
	framesPerSecond = 30              // of news; keys are shown at once
	exitPatience    = 2 * time.Second // for a terminal that takes nothing when we leave
)

// Run shows the dashboard on the terminal that in and out are, until the session is over. An error means that the
// dashboard cannot go on, though the session may: the terminal is gone, or the program has a fault. The terminal is
// as it was before in any case.
func Run(s Session, in, out *os.File, opts Options) (err error) {
	before, err := term.MakeRaw(in.Fd())
	if err != nil {
		return fmt.Errorf("change the terminal's settings: %w", err)
	}
	b := &board{session: s, theme: opts.theme(), view: view{replay: opts.Replay, inline: opts.Inline}}
	var inline *scroller
	if opts.Inline {
		inline = &scroller{lines: b.above}
	}
	o := newOutput(out, inline)
	go o.run() // ended by o.close, which waits for it as long as is sensible
	defer func() {
		if r := recover(); r != nil {
			err = fault(r)
		}
		o.close(exitPatience)
		term.Restore(in.Fd(), before)
	}()
	a := &app{
		board:    b,
		keyboard: &keyboard{File: in},
		output:   o,
	}
	// Its renderer wakes up for every frame that there might be, which costs more than all else that an idle dashboard
	// does, and makes a key wait for the next of them. The output paints by itself.
	p := tea.NewProgram(a, tea.WithInput(a.keyboard), tea.WithOutput(io.Discard), tea.WithoutRenderer(),
		tea.WithoutSignalHandler(), tea.WithoutCatchPanics())
	a.keyboard.moved = func(focus bool) { p.Send(moved(focus)) }
	a.keyboard.pointed = func(r captive.Report) { p.Send(pointed(r)) }
	a.keyboard.child = func(b []byte) { p.Send(keyed(b)) }
	o.lost = func(err error) { p.Send(lost{err}) }
	w, h, err := term.GetSize(out.Fd())
	if err != nil {
		return fmt.Errorf("read the terminal's size: %w", err)
	}
	a.board.resize(w, h)
	a.show()
	quit, tasks := make(chan struct{}), sync.WaitGroup{}
	tasks.Go(func() { watch(s, p.Send, quit) })
	tasks.Go(func() { measure(out, p.Send, quit) })
	defer tasks.Wait()
	defer close(quit)
	_, err = p.Run()
	return cmp.Or(a.failed, a.keyboard.failure(), err)
}

// watch tells the dashboard of news, no oftener than it can be shown, and of the session's end.
func watch(s Session, send func(tea.Msg), quit <-chan struct{}) {
	pace := time.NewTicker(time.Second / framesPerSecond)
	defer pace.Stop()
	for {
		select {
		case <-s.Changed():
			send(news{})
		case <-s.Done():
			send(news{})
			send(tea.Quit())
			return
		case <-quit:
			return
		}
		select {
		case <-pace.C:
		case <-quit:
			return
		}
	}
}

// measure tells the dashboard each size that its terminal takes.
func measure(out *os.File, send func(tea.Msg), quit <-chan struct{}) {
	changed := make(chan os.Signal, 1)
	signal.Notify(changed, syscall.SIGWINCH)
	defer signal.Stop(changed)
	for {
		if w, h, err := term.GetSize(out.Fd()); err == nil {
			send(tea.WindowSizeMsg{Width: w, Height: h})
		}
		select {
		case <-changed:
		case <-quit:
			return
		}
	}
}

// What the program is told besides keys and sizes.
type (
	news    struct{}            // the session has some
	moved   bool                // the child has got the focus, or lost it
	keyed   []byte              // keys for the child
	pointed captive.Report      // by the mouse
	lost    struct{ why error } // the terminal
)

// app ties the board to Bubble Tea.
type app struct {
	board    *board
	keyboard *keyboard
	output   *output
	failed   error
}

func (a *app) Init() tea.Cmd { return nil }

// View is not for us: show shows.
func (a *app) View() string { return "" }

func (a *app) Update(msg tea.Msg) (m tea.Model, cmd tea.Cmd) {
	defer func() {
		if r := recover(); r != nil {
			a.failed = fault(r)
			m, cmd = a, tea.Quit
		}
	}()
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		a.board.resize(msg.Width, msg.Height)
	case tea.KeyMsg:
		a.press(msg)
	case moved:
		a.board.typing(bool(msg))
	case keyed:
		a.board.session.Type(msg)
		if !a.board.view.back.on {
			return a, nil
		}
		a.board.view.back = scrollback{}
	case pointed:
		typing := a.board.view.typing
		a.board.pointed(captive.Report(msg))
		if typing && !a.board.view.typing {
			a.keyboard.leave()
		}
	case news:
		if !a.board.refresh() {
			return a, nil
		}
	case lost:
		a.failed = msg.why
		return a, tea.Quit
	}
	a.show()
	return a, nil
}

// press takes Bubble Tea's keys apart: what is typed fast comes as one, and Esc with the next key as Alt. A paste is
// not for the dashboard.
func (a *app) press(msg tea.KeyMsg) {
	if msg.Alt {
		a.board.press("esc")
		msg.Alt = false
	}
	switch {
	case msg.Paste:
	case msg.Type == tea.KeyRunes:
		for _, r := range msg.Runes {
			a.board.press(key(r))
		}
	default:
		a.board.press(key(msg.String()))
	}
}

// show draws what there is now.
func (a *app) show() {
	b := a.board
	b.refresh()
	runs := running(&b.snapshot) && b.view.replay == ""
	a.keyboard.allow(runs, runs || resting(&b.snapshot)) // a ^C too many, to a command that has ended, is not for us
	p := b.posture()
	a.keyboard.point(p.mouse != 0)
	a.output.show(picture{frame: b.draw(), size: b.size, above: b.screen.Above, run: b.screen.Run, live: b.live(), posture: p})
	if b.clipboard != "" {
		a.output.say(ansi.SetSystemClipboard(b.clipboard))
		b.clipboard = ""
	}
}

// fault makes an error of a panic.
func fault(r any) error { return fmt.Errorf("internal error in the dashboard: %v", r) }
