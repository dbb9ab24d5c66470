package console

import "testing"

func TestFit(t *testing.T) {
	for _, c := range []struct {
		name, text    string
		width, height int
		want          string
	}{
		{"it fits", "one\ntwo", 80, 24, "one\ntwo"},
		{"too wide", "0123456789", 8, 24, "012345…"},
		{"too many: the last one sums up", "1\n2\n3\n4\n5\nsum", 80, 5, "1\n2\n…\nsum"},
		{"a terminal that does not know its size", "1\n2\n3", 0, 0, "1\n2\n3"},
	} {
		if got := fit(c.text, c.width, c.height); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
