package volume

import (
	"os"
	"path/filepath"
	"testing"
)

func TestStore(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root makes loop devices")
	}
	if _, err := os.Stat("/dev/loop-control"); err != nil {
		t.Skip("NOT TESTED: this machine has no loop devices")
	}
	dir := filepath.Join(t.TempDir(), "volumes")
	store, err := NewStore(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := Remove(dir); err != nil {
			t.Error(err)
		}
	})
	one := attach(t, store, "vol-1", 1)
	two := attach(t, store, "vol-2", 1)
	if again := attach(t, store, "vol-1", 1); again != one || one == two {
		t.Errorf("devices %v, %v and again %v", one, two, again)
	}
	if got := size(t, one); got != gib {
		t.Errorf("size %d", got)
	}
	write(t, one, "kept")
	if grown := attach(t, store, "vol-1", 2); grown != one || size(t, grown) != 2*gib {
		t.Errorf("grown to %v of %d", grown, size(t, grown))
	}

	// vol-1 is detached, vol-2 deleted.
	err = store.Sweep(func(id string) bool { return id == "vol-1" }, func(string) bool { return false })
	if err != nil {
		t.Fatal(err)
	}
	if left, err := attached(dir); err != nil || len(left) > 0 {
		t.Errorf("still attached: %v, %v", left, err)
	}
	if _, err := os.Stat(store.path("vol-2")); !os.IsNotExist(err) {
		t.Errorf("the file of a deleted volume: %v", err)
	}
	if got := read(t, attach(t, store, "vol-1", 2), 4); got != "kept" {
		t.Errorf("after it was detached the volume holds %q", got)
	}
	if err := Remove(dir); err != nil {
		t.Fatal(err)
	}
	if left, err := attached(dir); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestAttachRefusesPaths(t *testing.T) {
	store, err := NewStore(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"", "../x", "a/b"} {
		if _, err := store.Attach(id, 1, ""); err == nil {
			t.Errorf("%q was taken for a volume", id)
		}
	}
}

func attach(t *testing.T, store *Store, id string, sizeGB int) Device {
	t.Helper()
	device, err := store.Attach(id, sizeGB, "")
	if err != nil {
		t.Fatal(err)
	}
	return device
}

func with(t *testing.T, device Device, do func(*os.File) error) {
	t.Helper()
	node, err := open(device)
	if err != nil {
		t.Fatal(err)
	}
	if err := do(node); err != nil {
		t.Error(err)
	}
	if err := node.Close(); err != nil {
		t.Error(err)
	}
}

func size(t *testing.T, device Device) (bytes int64) {
	t.Helper()
	with(t, device, func(node *os.File) (err error) {
		bytes, err = node.Seek(0, 2)
		return err
	})
	return bytes
}

func write(t *testing.T, device Device, text string) {
	t.Helper()
	with(t, device, func(node *os.File) error {
		_, err := node.WriteAt([]byte(text), 0)
		return err
	})
}

func read(t *testing.T, device Device, length int) string {
	t.Helper()
	buffer := make([]byte, length)
	with(t, device, func(node *os.File) error {
		_, err := node.ReadAt(buffer, 0)
		return err
	})
	return string(buffer)
}
