package filters

import "golang.org/x/sys/unix"

// trigger is a file that turns something on while it exists. It is looked for at each request. The zero one is no file,
// and on.
type trigger struct {
	path string
	name *byte // path as the kernel takes it
}

// set names the file.
func (t *trigger) set(value string) error {
	err := setPath(&t.path)(value)
	if err == nil {
		t.name, err = unix.BytePtrFromString(t.path)
	}
	return err
}

func (t trigger) on() bool { return t.path == "" || t.exists() }
