package main

import (
	"errors"
	"fmt"
	"os/user"
	"path/filepath"
	"slices"
	"strings"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/secure"
	"example.com/nbdtui/internal/session"
)

// tlsOptions say how connections are encrypted.
type tlsOptions struct {
	mode         string // "off", "on", "require"; empty where nothing was said
	certificates string
	psk          string
	verifyPeer   bool
}

// setMode takes nbdkit's words: any boolean, and several for require.
func (t *tlsOptions) setMode(s string) error {
	switch strings.ToLower(s) {
	case "require", "required", "force":
		t.mode = "require"
		return nil
	}
	on, err := param.ParseBool(s)
	if err != nil {
		return errors.New("say off, on or require")
	}
	t.mode = "off"
	if on {
		t.mode = "on"
	}
	return nil
}

// load finds the credentials, by nbdkit's rules: where they are not to be found, only a server that requires TLS does
// not start; the oldstyle handshake knows no TLS. odd is what the user should be told then.
func (t *tlsOptions) load(oldstyle bool) (_ session.TLS, odd string, err error) {
	switch {
	case t.mode == "off" || oldstyle:
		return session.TLS{}, "", nil
	case t.psk != "":
		return t.keys()
	}
	places := secure.SearchPath("nbdkit")
	if t.certificates != "" {
		places = []string{t.certificates}
	}
	missing := errors.New("this user has no home directory to look for certificates in")
	for _, dir := range places {
		wrap, err := secure.ServerCertificates(dir, t.verifyPeer)
		if err == nil {
			return t.found(wrap, dir)
		}
		if missing = err; !errors.Is(err, secure.ErrIncomplete) {
			return session.TLS{}, "", err
		}
	}
	switch {
	case t.mode == "require":
		return session.TLS{}, "", param.WithHint(fmt.Errorf("--tls=require: %w", missing),
			"make them with nbdtui tls-init DIR, and name that directory with --tls-certificates=DIR")
	case t.mode == "on" || t.certificates != "":
		return session.TLS{}, "TLS is off: no certificates could be loaded: " + missing.Error(), nil
	}
	return session.TLS{}, "", nil
}

// keys are pre-shared ones, and come before certificates.
func (t *tlsOptions) keys() (session.TLS, string, error) {
	wrap, err := secure.ServerKeys(t.psk)
	if err != nil {
		return session.TLS{}, "", fmt.Errorf("--tls-psk: %w", err)
	}
	users, err := secure.KeyUsers(t.psk)
	if err != nil {
		return session.TLS{}, "", fmt.Errorf("--tls-psk: %w", err)
	}
	found := session.TLS{Wrap: wrap, Required: t.mode == "require", Parameter: "tls-psk-file", Value: t.psk}
	// The command is to come as who runs it, or as the first one.
	if me, err := user.Current(); err == nil && slices.Contains(users, me.Username) {
		found.User = me.Username
	} else if len(users) > 0 {
		found.User = users[0]
	}
	return found, "", nil
}

// found tells the session of the certificates in dir.
func (t *tlsOptions) found(wrap secure.Wrap, dir string) (session.TLS, string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return session.TLS{}, "", err
	}
	return session.TLS{Wrap: wrap, Required: t.mode == "require", Parameter: "tls-certificates", Value: dir}, "", nil
}
