package debian

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestMissingPackages(t *testing.T) {
	dir := t.TempDir()
	programs := Programs{"dockerd": "docker.io", "containerd": "docker.io", "nft": "nftables", "ip": "iproute2", "bridge": "iproute2"}
	for program := range programs {
		if program == "nft" || program == "bridge" {
			continue
		}
		if err := os.WriteFile(filepath.Join(dir, program), nil, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "nft"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if got, want := programs.missing(dir), []string{"iproute2", "nftables"}; !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
	want := []string{"install", "--yes", "--no-install-recommends", "--option=DPkg::Lock::Timeout=300", "nftables"}
	if got := installArguments([]string{"nftables"}); !slices.Equal(got, want) {
		t.Errorf("apt-get %v, want %v", got, want)
	}
}
