package engine

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"infra/internal/sandbox/network"
)

func TestArguments(t *testing.T) {
	options := Options{Layout: network.Layout{ID: "0a1b2c3d"}, RunDir: "/run/infra-0a1b2c3d", DataDir: "/var/lib/infra-0a1b2c3d"}
	want := []string{
		"--host", "unix:///run/infra-0a1b2c3d/docker.sock",
		"--data-root", "/var/lib/infra-0a1b2c3d",
		"--exec-root", "/run/infra-0a1b2c3d/docker",
		"--pidfile", "/run/infra-0a1b2c3d/docker.pid",
		"--config-file", "/run/infra-0a1b2c3d/daemon.json",
		"--exec-opt", "native.cgroupdriver=cgroupfs",
		"--cgroup-parent", "/infra-0a1b2c3d",
		"--bridge", "none", "--iptables=false", "--ip6tables=false", "--ip-forward=false", "--ip-masq=false",
		"--userland-proxy=false", "--log-level", "warn",
	}
	if got := options.arguments(); !slices.Equal(got, want) {
		t.Errorf("dockerd %q\nwant %q", got, want)
	}
}

func TestSeed(t *testing.T) {
	seed, dir := t.TempDir(), t.TempDir()
	for path, text := range map[string]string{
		"image/overlay2/repositories.json": "{}", "overlay2/layer/link": "SHORT", "overlay2/layer/diff/etc/hostname": "host",
		"overlay2/backingFsBlockDev": "", "containers/c/config.json": "{}", "engine-id": "x",
	} {
		if err := os.MkdirAll(filepath.Join(seed, filepath.Dir(path)), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(seed, path), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := Strip(seed); err != nil {
		t.Fatal(err)
	}
	entries, err := os.ReadDir(seed)
	if err != nil || len(entries) != 2 {
		t.Errorf("a seed holds %v, %v", entries, err)
	}
	if err := plant(seed, dir); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{"image/overlay2/repositories.json": "{}", "overlay2/layer/link": "SHORT"} {
		if got, err := os.ReadFile(filepath.Join(dir, path)); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	if target, err := os.Readlink(filepath.Join(dir, "overlay2/l/SHORT")); err != nil || target != "../layer/diff" {
		t.Errorf("link %q, %v", target, err)
	}
	if files, err := os.ReadDir(filepath.Join(dir, "overlay2/layer/diff")); err != nil || len(files) > 0 {
		t.Errorf("the layer was copied: %v, %v", files, err)
	}
}

func TestStripRefusesOtherDrivers(t *testing.T) {
	dir := t.TempDir()
	if err := os.Mkdir(filepath.Join(dir, "vfs"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Strip(dir); err == nil {
		t.Error("a folder without layers was taken for a seed")
	}
}
