package main

import (
	"fmt"
	"os"
	"os/user"
	"strconv"
	"syscall"

	"example.com/nbdtui/internal/param"
	"example.com/nbdtui/internal/tempdir"
)

// become makes the process a user's and a group's, names or numbers; an empty one stays as it is. The paths, which
// that user must be able to reach and remove, are given away first, and so are the temporary directories.
func become(userName, groupName string, paths ...string) error {
	if userName == "" && groupName == "" {
		return nil
	}
	uid, err := numeric("user", userName, func(name string) (string, error) {
		u, err := user.Lookup(name)
		if err != nil {
			return "", err
		}
		return u.Uid, nil
	})
	if err != nil {
		return err
	}
	gid, err := numeric("group", groupName, func(name string) (string, error) {
		g, err := user.LookupGroup(name)
		if err != nil {
			return "", err
		}
		return g.Gid, nil
	})
	if err != nil {
		return err
	}
	kind, name := "user", userName
	if name == "" {
		kind, name = "group", groupName
	}
	for _, path := range paths {
		if path == "" {
			continue
		}
		if err := os.Chown(path, uid, gid); err != nil {
			return refused(kind, name, err)
		}
	}
	if err := tempdir.Give(uid, gid); err != nil {
		return refused(kind, name, err)
	}
	if gid >= 0 {
		if err := syscall.Setgroups([]int{gid}); err != nil {
			return refused("group", groupName, err)
		}
		if err := syscall.Setgid(gid); err != nil {
			return refused("group", groupName, err)
		}
	}
	if uid >= 0 {
		if err := syscall.Setuid(uid); err != nil {
			return refused("user", userName, err)
		}
	}
	return nil
}

func refused(kind, name string, err error) error {
	return param.WithHint(fmt.Errorf("become %s %s: %w", kind, name, err), "only root may become somebody else")
}

// numeric is the id of a name or a number; -1 for the empty name, which chown(2) takes for no change.
func numeric(kind, name string, lookup func(string) (string, error)) (int, error) {
	if name == "" {
		return -1, nil
	}
	text, err := lookup(name)
	if err != nil {
		text = name
	}
	id, err := strconv.ParseUint(text, 10, 31)
	if err != nil {
		return 0, param.WithHint(fmt.Errorf("unknown %s %q", kind, name), "say a name or a number")
	}
	return int(id), nil
}
