package memory

import (
	"os"
	"path/filepath"
	"testing"
)

func TestAvailable(t *testing.T) {
	file := filepath.Join(t.TempDir(), "meminfo")
	for text, want := range map[string]uint64{"MemTotal: 4096 kB\nMemAvailable:   2048 kB\n": 2048 << 10, "MemTotal: 4096 kB\n": 0} {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if got, err := available(file); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	if got, err := Available(); err != nil || got == 0 {
		t.Errorf("this machine has %d, %v", got, err)
	}
}
