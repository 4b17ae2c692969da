package main

import (
	"errors"
	"fmt"
	"os"
	"strconv"
	"time"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/recording"
	"example.com/nbdtui/internal/session"
	"example.com/nbdtui/internal/ui"
)

// recordPatience is how long the end of a session waits for the disk that it is recorded on.
const recordPatience = 2 * time.Second

// recorder makes the file that a session will be recorded in; nil where it will not be.
func (o *options) recorder() (*os.File, error) {
	if o.record == "" {
		return nil, nil
	}
	f, err := os.OpenFile(o.record, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("--record: %w", err)
	}
	return f, nil
}

// record records a session until it is over; finish waits for that. What goes wrong is told, and ends nothing else.
func record(s *session.Session, f *os.File) (finish func()) {
	if f == nil {
		return func() {}
	}
	done := make(chan struct{})
	go func() { // waited for in finish
		defer close(done)
		err := recording.Record(f, s)
		if e := f.Close(); err == nil {
			err = e
		}
		if err != nil {
			s.Note(session.Failure, err.Error())
		}
	}()
	return func() {
		select {
		case <-done:
		case <-time.After(recordPatience):
		}
	}
}

const replayUsage = `nbdtui replay shows on a dashboard what nbdtui --record=FILE has recorded.

usage: nbdtui replay [options] FILE

  nbdtui replay session.ndjson --speed 10

p stops the clock and r lets it go on, q ends it; panels, zoom, the command's output, help and mouse are as they were.
Nothing can be changed any more.

`

// replayOptions are those of nbdtui replay.
type replayOptions struct {
	speed float64
	look  ui.Options
	help  bool
}

func (o *replayOptions) table() []param.Param {
	return []param.Param{
		{Name: "speed", Kind: "N", Default: "1", Help: "So many times as fast as it was", Set: o.setSpeed},
		themeOption(&o.look),
		asciiOption(&o.look),
		{Name: "help", Short: "h", Help: "Print this help", Set: param.Bool(&o.help)},
	}
}

func (o *replayOptions) setSpeed(s string) (err error) {
	if o.speed, err = strconv.ParseFloat(s, 64); err != nil || !(o.speed >= 0.01 && o.speed <= 1000) {
		return errors.New("say a number from 0.01 to 1000")
	}
	return nil
}

// replayCommand is nbdtui replay: args are what stands behind it.
func replayCommand(args []string, stdin, stdout, _ *os.File) error {
	o := replayOptions{speed: 1}
	words, err := parseTable("nbdtui replay", o.table(), args)
	switch {
	case err != nil:
		return err
	case o.help:
		return printUsage(stdout, replayUsage, o.table())
	case len(words) != 1:
		return param.WithHint(errors.New("name one recording"), "for example: nbdtui replay session.ndjson; nbdtui replay --help tells more")
	case !onTerminal():
		return param.WithHint(errors.New("a replay needs a terminal on standard input and output"), "the recording is JSON, a line a moment: read it with jq")
	}
	f, err := os.Open(words[0])
	if err != nil {
		return err
	}
	defer f.Close()
	p, err := recording.Play(f, o.speed)
	if err != nil {
		return fmt.Errorf("play %s: %w", words[0], err)
	}
	defer func() {
		p.Shutdown(session.ByUser, "all was seen")
		<-p.Done()
	}()
	g, err := startGuard(false)
	if err != nil {
		return err
	}
	defer g.dismiss()
	defer obey(p, catchSignals(), nil)()
	o.look.Replay = fmt.Sprintf("REPLAY x%g", o.speed)
	return ui.Run(p, stdin, stdout, o.look)
}
