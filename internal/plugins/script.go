package plugins

import (
	"context"
	"strconv"
	"strings"
	"time"

	"example.com/nbdtui/internal/block"
	"example.com/nbdtui/internal/tempdir"
)

// script is a plugin whose methods are somebody's programs, run anew for each call: the layer of sh and eval.
type script struct {
	dir     *tempdir.Dir                 // $tmpdir
	argv    func(method string) []string // what to run for a method, nil for nothing; set when there is something to run
	threads block.Threads
	host    block.Host
}

// newScript makes the directory of a script. Close removes it.
func newScript() (*script, error) {
	dir, err := tempdir.Make()
	if err != nil {
		return nil, err
	}
	return &script{dir: dir, host: block.Host{Shutdown: func() {}}}, nil
}

// threadModels are the words of the thread_model method.
var threadModels = map[string]block.Threads{
	"serialize_connections":  block.SerializeConnections,
	"serialize_all_requests": block.SerializeAllRequests,
	"serialize_requests":     block.SerializeRequests,
	"parallel":               block.Parallel,
}

// model asks how strict the script is. One that does not say, or not in these words, is run once at a time.
func (s *script) model(ctx context.Context) (block.Threads, error) {
	text, _, err := s.text(ctx, nil, "thread_model")
	if err != nil {
		return 0, err
	}
	word := strings.ReplaceAll(strings.ToLower(strings.TrimSuffix(text, "\n")), "-", "_")
	if t, ok := threadModels[word]; ok {
		return t, nil
	}
	return block.SerializeAllRequests, nil
}

// scriptBuilder is a script that is being configured. It is run from its first parameter on.
type scriptBuilder struct {
	script *script // nil until something is known of it, and when it was built
}

func (b *scriptBuilder) build(h block.Host) (block.Layer, error) {
	s := b.script
	b.script = nil // it closes itself from now on
	return s.build(h)
}

// Close ends a script that was never built.
func (b *scriptBuilder) Close() error {
	if b.script == nil {
		return nil
	}
	return b.script.Close()
}

// maxStatus tells scripts which exit statuses mean something.
const maxStatus = "max_known_status=8\n"

// Dump is what --dump-plugin prints of the script.
func (b *scriptBuilder) Dump() (lines string, t block.Threads, err error) {
	if b.script == nil {
		return maxStatus, block.Parallel, nil
	}
	if t, err = b.script.model(context.Background()); err != nil {
		return maxStatus, 0, err
	}
	lines, _, err = b.script.text(context.Background(), nil, "dump_plugin")
	return maxStatus + lines, t, err
}

// build completes the configuration and makes the layer. On an error the script is closed.
func (s *script) build(h block.Host) (_ block.Layer, err error) {
	defer func() {
		if err != nil {
			s.Close()
		}
	}()
	ctx := context.Background()
	s.host = h
	if err = s.do(ctx, nil, "config_complete"); err != nil {
		return nil, err
	}
	if s.threads, err = s.model(ctx); err != nil {
		return nil, err
	}
	if err = s.do(ctx, nil, "get_ready"); err != nil {
		return nil, err
	}
	return s, nil
}

func (s *script) Threads() block.Threads { return s.threads }

// Start is the after_fork method: nothing forks here, but it is the time when the sockets are bound.
func (s *script) Start() error { return s.do(context.Background(), nil, "after_fork") }

// lastWords is how long a method may take that nobody but the end waits for.
const lastWords = 5 * time.Second

// Close runs the unload method, whose errors mean nothing any more, and removes the directory.
func (s *script) Close() error {
	if s.argv != nil {
		ctx, cancel := context.WithTimeout(context.Background(), lastWords)
		defer cancel()
		s.call(ctx, call{method: "unload"})
	}
	return s.dir.Remove()
}

// Admit asks the preconnect method.
func (s *script) Admit(ctx context.Context, _ block.Peer) error {
	return s.do(ctx, nil, "preconnect", strconv.FormatBool(s.host.ReadOnly))
}

// List asks the list_exports method; where there is none, the only export is the default one.
func (s *script) List(ctx context.Context, q block.ListRequest, _ block.Listing) ([]block.Export, error) {
	text, there, err := s.text(ctx, nil, "list_exports", asked(q)...)
	if err != nil {
		return nil, err
	}
	if !there {
		name, err := s.Default(ctx, q)
		return []block.Export{{Name: name}}, err
	}
	return parseExports(text), nil
}

// Default asks the default_export method.
func (s *script) Default(ctx context.Context, q block.ListRequest) (string, error) {
	text, _, err := s.text(ctx, nil, "default_export", asked(q)...)
	if list := parseExports(text); err == nil && len(list) > 0 {
		return list[0].Name, nil
	}
	return "", err
}

func asked(q block.ListRequest) []string {
	return []string{strconv.FormatBool(q.ReadOnly), strconv.FormatBool(q.TLS != nil)}
}
