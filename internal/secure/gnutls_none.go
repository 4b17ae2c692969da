//go:build !linux || !(amd64 || arm64) || static

package secure

import (
	"errors"

	"example.com/nbdtui/internal/param"
)

// HasKeys reports whether pre-shared keys are part of this program.
const HasKeys = false

var errNoKeys = param.WithHint(errors.New("this nbdtui was built without pre-shared keys"),
	"a build for Linux on amd64 or arm64, and not a static one, has them; or use certificates: nbdtui tls-init DIR")

func newServerEngine(string) (engine, error) { return nil, errNoKeys }

func newClientEngine(_, _ string) (engine, error) { return nil, errNoKeys }
