package host

import (
	"os"
	"path/filepath"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/sandbox/volume"
)

// root makes a folder that stands for a host's root.
func root(t *testing.T) (rootDir, string) {
	t.Helper()
	dir := t.TempDir()
	fd, err := unix.Open(dir, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	r := rootDir{fd}
	t.Cleanup(func() {
		if err := r.close(); err != nil {
			t.Error(err)
		}
	})
	return r, dir
}

func TestLinks(t *testing.T) {
	r, dir := root(t)
	if err := r.mkdirAll(byID); err != nil {
		t.Fatal(err)
	}
	foreign := filepath.Join(dir, byID, "other")
	if err := os.WriteFile(foreign, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, device := range []string{"loop1", "loop2"} {
		if err := r.write("dev/" + device); err != nil {
			t.Fatal(err)
		}
	}
	first, second := linkName("vol-1"), linkName("vol-2")
	steps := []struct {
		wanted  map[string]string
		devices map[string]bool
	}{
		{map[string]string{first: "../../loop1", second: "../../loop2"}, map[string]bool{"loop1": true, "loop2": true}},
		{map[string]string{first: "../../loop1"}, map[string]bool{"loop1": true, "loop2": false}},
		// The device of one volume has become that of another.
		{map[string]string{second: "../../loop1"}, map[string]bool{"loop1": true, "loop2": false}},
		{nil, map[string]bool{"loop1": false, "loop2": false}},
	}
	for i, step := range steps {
		if err := r.links(byID, step.wanted); err != nil {
			t.Fatal(err)
		}
		for _, name := range []string{first, second} {
			target, err := os.Readlink(filepath.Join(dir, byID, name))
			if (err == nil) != (step.wanted[name] != "") || target != step.wanted[name] {
				t.Errorf("step %d: %s leads to %q, want %q", i, name, target, step.wanted[name])
			}
		}
		for device, want := range step.devices {
			if _, err := os.Stat(filepath.Join(dir, "dev", device)); (err == nil) != want {
				t.Errorf("step %d: %s exists: %v", i, device, err == nil)
			}
		}
	}
	if _, err := os.Stat(foreign); err != nil {
		t.Error("a file that is not ours was removed")
	}
}

func TestPathsStayInsideTheHost(t *testing.T) {
	r, dir := root(t)
	outside := t.TempDir()
	if err := os.Symlink(outside, filepath.Join(dir, "dev")); err != nil {
		t.Fatal(err)
	}
	if err := r.write(marker); err == nil {
		t.Error("a link out of the host was followed")
	}
	if entries, err := os.ReadDir(outside); err != nil || len(entries) > 0 {
		t.Errorf("%v, %v", entries, err)
	}
}

func TestNode(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("NOT TESTED: only root makes device nodes")
	}
	r, dir := root(t)
	for _, minor := range []uint32{3, 3, 4} {
		if err := r.node("loop9", volume.Device{Name: "loop9", Major: 7, Minor: minor}); err != nil {
			t.Fatal(err)
		}
		var now unix.Stat_t
		if err := unix.Lstat(filepath.Join(dir, "loop9"), &now); err != nil {
			t.Fatal(err)
		}
		if now.Rdev != unix.Mkdev(7, minor) || now.Mode&unix.S_IFMT != unix.S_IFBLK {
			t.Errorf("node %o of number %d, want %d", now.Mode, now.Rdev, unix.Mkdev(7, minor))
		}
	}
}

func TestLinkName(t *testing.T) {
	if got := linkName("vol-0123456789abcdef0"); got != "nvme-Amazon_Elastic_Block_Store_vol0123456789abcdef0" {
		t.Error(got)
	}
}
