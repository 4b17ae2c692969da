//go:build linux && (amd64 || arm64) && !static

package secure

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"runtime"
	"sync"
	"sync/atomic"
	"syscall"
	"unsafe"

	"github.com/ebitengine/purego"

	"example.com/nbdtui/internal/param"
)

// Pre-shared keys are the system's GnuTLS's, since crypto/tls has none. It is loaded when it is asked for, works on
// memory alone, and never sees a descriptor.

// HasKeys reports whether pre-shared keys are part of this program.
const HasKeys = true

// What gnutls.h says.
const (
	gnutlsServer     = 1 << 0
	gnutlsClient     = 1 << 1
	gnutlsNonblock   = 1 << 3
	gnutlsPSK        = 4
	gnutlsKeyHex     = 1
	gnutlsShutWrite  = 1
	gnutlsAgain      = -28
	gnutlsInterrupt  = -52
	gnutlsWarning    = -16
	gnutlsPriorities = "NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-KX-ALL:+ECDHE-PSK:+DHE-PSK:+PSK"
)

// library is the functions of GnuTLS that are used. Those that are called for each record are bare addresses, which
// are quicker to call.
type library struct {
	initSession     func(session *uintptr, flags uint32) int32
	deinit          func(session uintptr)
	setPriorities   func(session uintptr, text string, at *uintptr) int32
	setCredentials  func(session uintptr, kind int32, credentials uintptr) int32
	setPointer      func(session, pointer uintptr)
	setPush         func(session, function uintptr)
	setPull         func(session, function uintptr)
	setErrno        func(session uintptr, errno int32)
	handshake       func(session uintptr) int32
	alert           func(session uintptr, err int32) int32
	bye             func(session uintptr, how int32) int32
	protocol        func(session uintptr) int32
	text            func(err int32) string
	newServerKeys   func(credentials *uintptr) int32
	setServerFile   func(credentials uintptr, file string) int32
	freeServerKeys  func(credentials uintptr)
	newClientKeys   func(credentials *uintptr) int32
	setClientKey    func(credentials uintptr, user string, key *datum, form int32) int32
	freeClientKeys  func(credentials uintptr)
	sendTo, receive uintptr
	push, pull      uintptr // ours, which GnuTLS calls
}

// datum is gnutls_datum_t.
type datum struct {
	data *byte
	size uint32
}

// gnutls is loaded once.
var gnutls = sync.OnceValues(func() (*library, error) {
	const name = "libgnutls.so.30"
	handle, err := purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL)
	if err != nil {
		return nil, param.WithHint(fmt.Errorf("pre-shared keys need GnuTLS: %w", err),
			"install it: the package is libgnutls30 or libgnutls30t64 on Debian and Ubuntu, gnutls elsewhere; or use certificates: nbdtui tls-init DIR")
	}
	l := &library{}
	for symbol, function := range map[string]any{
		"gnutls_init": &l.initSession, "gnutls_deinit": &l.deinit, "gnutls_priority_set_direct": &l.setPriorities,
		"gnutls_credentials_set": &l.setCredentials, "gnutls_transport_set_ptr": &l.setPointer,
		"gnutls_transport_set_push_function": &l.setPush, "gnutls_transport_set_pull_function": &l.setPull,
		"gnutls_transport_set_errno": &l.setErrno, "gnutls_handshake": &l.handshake,
		"gnutls_alert_send_appropriate": &l.alert, "gnutls_bye": &l.bye, "gnutls_protocol_get_version": &l.protocol,
		"gnutls_strerror":                        &l.text,
		"gnutls_psk_allocate_server_credentials": &l.newServerKeys, "gnutls_psk_set_server_credentials_file": &l.setServerFile,
		"gnutls_psk_free_server_credentials":     &l.freeServerKeys,
		"gnutls_psk_allocate_client_credentials": &l.newClientKeys, "gnutls_psk_set_client_credentials": &l.setClientKey,
		"gnutls_psk_free_client_credentials": &l.freeClientKeys,
		"gnutls_record_send":                 &l.sendTo, "gnutls_record_recv": &l.receive,
	} {
		at, err := purego.Dlsym(handle, symbol)
		if err != nil {
			return nil, fmt.Errorf("pre-shared keys: %s is not the GnuTLS that is known: %w", name, err)
		}
		if bare, ok := function.(*uintptr); ok {
			*bare = at
		} else {
			purego.RegisterFunc(function, at)
		}
	}
	l.push, l.pull = purego.NewCallback(push), purego.NewCallback(pull)
	return l, nil
})

// sessions are the engines by the number that GnuTLS calls back with.
var (
	sessions sync.Map // of *session, by uintptr
	lastID   atomic.Uintptr
)

// push takes what GnuTLS sends.
func push(id uintptr, data *byte, n uintptr) uintptr {
	s := find(id)
	s.out = append(s.out, unsafe.Slice(data, n)...)
	return n
}

// pull gives GnuTLS what came in.
func pull(id uintptr, data *byte, n uintptr) uintptr {
	s := find(id)
	if len(s.in) == 0 {
		s.setErrno(s.handle, int32(syscall.EAGAIN))
		return ^uintptr(0)
	}
	got := copy(unsafe.Slice(data, n), s.in)
	s.in = s.in[got:]
	return uintptr(got)
}

func find(id uintptr) *session {
	s, _ := sessions.Load(id)
	return s.(*session)
}

// session is an engine of GnuTLS's.
type session struct {
	*library
	id, handle  uintptr
	credentials uintptr
	client      bool
	in, out     []byte
}

func newServerEngine(file string) (engine, error) {
	return newSession(false, func(l *library, s *session) int32 {
		if err := l.newServerKeys(&s.credentials); err < 0 {
			return err
		}
		return l.setServerFile(s.credentials, file)
	})
}

func newClientEngine(user, key string) (engine, error) {
	return newSession(true, func(l *library, s *session) int32 {
		if err := l.newClientKeys(&s.credentials); err < 0 {
			return err
		}
		text := []byte(key)
		var pin runtime.Pinner
		defer pin.Unpin()
		pin.Pin(&text[0])
		return l.setClientKey(s.credentials, user, &datum{&text[0], uint32(len(text))}, gnutlsKeyHex)
	})
}

func newSession(client bool, keys func(*library, *session) int32) (_ engine, err error) {
	l, err := gnutls()
	if err != nil {
		return nil, err
	}
	s := &session{library: l, id: lastID.Add(1), client: client}
	sessions.Store(s.id, s)
	defer func() {
		if err != nil {
			s.free()
			err = fmt.Errorf("pre-shared keys: %w", err)
		}
	}()
	if code := keys(l, s); code < 0 {
		return nil, s.failure(code)
	}
	flags := uint32(gnutlsServer)
	if client {
		flags = gnutlsClient
	}
	if code := l.initSession(&s.handle, flags|gnutlsNonblock); code < 0 {
		s.handle = 0
		return nil, s.failure(code)
	}
	if code := l.setPriorities(s.handle, gnutlsPriorities, nil); code < 0 {
		return nil, s.failure(code)
	}
	if code := l.setCredentials(s.handle, gnutlsPSK, s.credentials); code < 0 {
		return nil, s.failure(code)
	}
	l.setPointer(s.handle, s.id)
	l.setPush(s.handle, l.push)
	l.setPull(s.handle, l.pull)
	return s, nil
}

func (s *session) failure(code int32) error { return errors.New(s.text(code)) }

// outcome makes GnuTLS's answer ours.
func (s *session) outcome(code int32) error {
	switch {
	case code >= 0:
		return nil
	case code == gnutlsAgain, code == gnutlsInterrupt:
		return errMore
	}
	return s.failure(code)
}

func (s *session) handshake() error {
	for {
		code := s.library.handshake(s.handle)
		if code == gnutlsWarning {
			continue
		}
		err := s.outcome(code)
		if err != nil && err != errMore {
			s.alert(s.handle, code)
		}
		return err
	}
}

func (s *session) send(p []byte) error {
	for len(p) > 0 {
		n, _, _ := purego.SyscallN(s.sendTo, s.handle, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		if err := s.outcome(int32(n)); err != nil {
			return err
		}
		p = p[n:]
	}
	return nil
}

func (s *session) recv(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		n, _, _ := purego.SyscallN(s.receive, s.handle, uintptr(unsafe.Pointer(&p[0])), uintptr(len(p)))
		switch code := int32(n); {
		case code == 0:
			return 0, io.EOF
		case code == gnutlsWarning, code == gnutlsAgain && len(s.in) > 0:
			continue // a record without data
		default:
			if err := s.outcome(code); err != nil {
				return 0, err
			}
			return int(code), nil
		}
	}
}

func (s *session) farewell() { s.bye(s.handle, gnutlsShutWrite) }

func (s *session) version() uint16 {
	switch s.protocol(s.handle) {
	case 4:
		return tls.VersionTLS12
	case 5:
		return tls.VersionTLS13
	}
	return 0
}

func (s *session) put(in []byte) { s.in = in }

func (s *session) pending() bool { return len(s.out) > 0 }

func (s *session) take(old []byte) []byte {
	out := s.out
	s.out = old
	return out
}

func (s *session) free() {
	if s.handle != 0 {
		s.deinit(s.handle)
	}
	switch {
	case s.credentials == 0:
	case s.client:
		s.freeClientKeys(s.credentials)
	default:
		s.freeServerKeys(s.credentials)
	}
	sessions.Delete(s.id)
}
