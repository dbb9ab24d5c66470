package process

import "testing"

func TestParse(t *testing.T) {
	const line = "42 (a) Z (b) S 7 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 123456 1000 2"
	got, err := parse(line)
	if err != nil || got != (status{parent: 7, group: 42, start: 123456}) {
		t.Errorf("got %+v, %v", got, err)
	}
	for _, broken := range []string{"", "42 (a)", "42 (a) S x 42 42 0 -1 4194560 1 0 0 0 1 2 0 0 20 0 1 0 123456"} {
		if _, err := parse(broken); err == nil {
			t.Errorf("%q was taken", broken)
		}
	}
}
