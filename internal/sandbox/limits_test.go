package sandbox

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
)

func TestWatches(t *testing.T) {
	file := filepath.Join(t.TempDir(), "limit")
	set := func(n int) {
		if err := os.WriteFile(file, []byte(strconv.Itoa(n)+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want := func(what string, n int) {
		t.Helper()
		if got, err := readLimit(file); err != nil || got != n {
			t.Errorf("%s: the limit is %d (%v), want %d", what, got, err, n)
		}
	}
	set(128)
	before, err := raiseWatches(file)
	if err != nil || before != 128 {
		t.Fatalf("raised from %d, %v", before, err)
	}
	want("raised", watchesWanted)
	if again, err := raiseWatches(file); err != nil || again != 0 {
		t.Errorf("a second sandbox raised it again: %d, %v", again, err)
	}
	if err := restoreWatches(file, before, true); err != nil {
		t.Fatal(err)
	}
	want("another sandbox runs", watchesWanted)
	if err := restoreWatches(file, before, false); err != nil {
		t.Fatal(err)
	}
	want("restored", 128)
	set(4096)
	if err := restoreWatches(file, before, false); err != nil {
		t.Fatal(err)
	}
	want("somebody else's setting", 4096)
}
