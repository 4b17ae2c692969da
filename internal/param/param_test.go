package param

import (
	"errors"
	"testing"
)

func TestKey(t *testing.T) {
	for word, want := range map[string][2]string{
		"file=disk.img": {"file", "disk.img"}, "a=": {"a", ""}, "a=b=c": {"a", "b=c"}, "Z9._-=x": {"Z9._-", "x"},
		"pause-control=sock": {"pause-control", "sock"}, "a==": {"a", "="},
	} {
		if key, value, ok := Key(word); key != want[0] || value != want[1] || !ok {
			t.Errorf("%q is %q and %q, %v, want %q", word, key, value, ok, want)
		}
	}
	for _, word := range []string{"", "=", "=x", "disk.img", "/a=b", "./a=b", "1a=b", "-a=b", "_a=b", ".a=b", "a b=c", "a/b=c", "ä=b", "aä=b", "@=b", "[=b", "a[=b", "a@=b"} {
		if key, value, ok := Key(word); ok || key != "" || value != word {
			t.Errorf("%q is %q and %q, %v, want a bare value", word, key, value, ok)
		}
	}
}

func TestNearest(t *testing.T) {
	names := []string{"file", "fadvise", "pause-control", "rate", "size", "n"}
	for want, near := range map[string]string{
		"file": "file", "fiel": "file", "flie": "file", "fil": "file", "files": "file", "rat": "rate", "rtae": "rate",
		"pausecontrol": "pause-control", "pause_control": "pause-control", "fadvice": "fadvise", "sise": "size",
		"": "", "x": "", "password": "", "pause": "", "elif": "",
	} {
		if got := Nearest(want, names); got != near {
			t.Errorf("nearest to %q is %q, want %q", want, got, near)
		}
	}
	if got := Nearest("anything", nil); got != "" {
		t.Errorf("nearest of nothing is %q", got)
	}
}

func TestApplyNamesTheParameter(t *testing.T) {
	reason := errors.New("no")
	p := Param{Name: "size", Set: func(string) error { return WithHint(reason, "try yes") }}
	err := p.Apply("x")
	var refused *Error
	var hint *Hint
	if !errors.Is(err, reason) || !errors.As(err, &refused) || !errors.As(err, &hint) || hint.Text != "try yes" || err.Error() != "size=x: no" {
		t.Errorf("%v, hint %v", err, hint)
	}
	p.Set = func(string) error { return nil }
	if err := p.Apply("x"); err != nil {
		t.Error(err)
	}
}

func TestTableLookup(t *testing.T) {
	table := Table{Params: []Param{{Name: "a"}, {Name: "b", Kind: "SIZE"}}}
	if p, ok := table.Lookup("b"); !ok || p.Kind != "SIZE" {
		t.Errorf("b is %+v, %v", p, ok)
	}
	if _, ok := table.Lookup("c"); ok {
		t.Error("c is there")
	}
}
