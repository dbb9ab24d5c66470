package volume

import (
	"bytes"
	"os"
	"testing"
)

// put writes a byte at a place of a volume's file, as a host would through
// the device.
func put(t *testing.T, store *Store, id string, at int64, value byte) {
	t.Helper()
	file, err := store.open(id, gib, "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := file.WriteAt([]byte{value}, at); err != nil {
		t.Error(err)
	}
	if err := file.Close(); err != nil {
		t.Error(err)
	}
}

func get(t *testing.T, store *Store, id, snapshot string, at int64) byte {
	t.Helper()
	file, err := store.open(id, gib, snapshot)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	buffer := make([]byte, 1)
	if _, err := file.ReadAt(buffer, at); err != nil {
		t.Error(err)
	}
	return buffer[0]
}

func TestASnapshotHoldsTheBytesOfItsMoment(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	const far = 700 << 20
	put(t, store, "vol-1", 0, 'a')
	put(t, store, "vol-1", far, 'b')
	check := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	check(store.Image("vol-1", 1, "snap-1"))
	put(t, store, "vol-1", far, 'c')
	check(store.Image("vol-1", 1, "snap-2"))
	check(store.CopyImage("snap-2", "snap-3"))
	put(t, store, "vol-1", far, 'd')

	for _, test := range []struct {
		id, snapshot string
		want         byte
	}{{"vol-2", "snap-1", 'b'}, {"vol-3", "snap-2", 'c'}, {"vol-4", "snap-3", 'c'}, {"vol-1", "", 'd'}} {
		if got := get(t, store, test.id, test.snapshot, far); got != test.want {
			t.Errorf("%s made of %q holds %q, want %q", test.id, test.snapshot, got, test.want)
		}
		if got := get(t, store, test.id, test.snapshot, 0); got != 'a' {
			t.Errorf("%s made of %q begins with %q", test.id, test.snapshot, got)
		}
	}
	put(t, store, "vol-2", far, 'x') // a volume is its own from then on
	if got := get(t, store, "vol-5", "snap-1", far); got != 'b' {
		t.Errorf("a write to a volume has changed its snapshot to %q", got)
	}
	for _, test := range []struct {
		snapshot, base string
		want           int64
	}{{"snap-1", "", 2 * BlockBytes}, {"snap-2", "snap-1", BlockBytes}, {"snap-3", "snap-2", 0}} {
		if got, err := store.Changed(test.snapshot, test.base); err != nil || got != test.want {
			t.Errorf("%s stores %d bytes over %q, want %d: %v", test.snapshot, got, test.base, test.want, err)
		}
	}

	// snap-1 is deleted, snap-2 too but a volume still needs it.
	needed := func(id string) bool { return id != "snap-1" }
	check(store.Sweep(needed, needed))
	if _, err := os.Stat(store.imagePath("snap-1")); !os.IsNotExist(err) {
		t.Errorf("the file of a deleted snapshot: %v", err)
	}
	if got := get(t, store, "vol-6", "snap-2", far); got != 'c' {
		t.Errorf("after the sweep vol-6 holds %q", got)
	}
	if _, err := store.Attach("vol-7", 1, "snap-1"); err == nil {
		t.Error("a volume was made of a snapshot that is gone")
	}
	if err := store.Image("vol-1", 1, "../snap"); err == nil {
		t.Error("a path was taken for a snapshot")
	}
}

func TestFreezeOfAVolumeThatIsNotMounted(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root makes loop devices")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("NOT TESTED: this machine has no loop devices")
	}
	dir := t.TempDir()
	store, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	})
	device := attach(t, store, "vol-1", 1)
	write(t, device, "flushed")
	thaw, err := Freeze(os.Getpid(), device)
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Image("vol-1", 1, "snap-1"); err != nil {
		t.Fatal(err)
	}
	if err := thaw(); err != nil {
		t.Fatal(err)
	}
	image, err := os.ReadFile(store.imagePath("snap-1"))
	if err != nil || !bytes.HasPrefix(image, []byte("flushed")) {
		t.Errorf("the snapshot begins with %q: %v", image[:min(10, len(image))], err)
	}
}
