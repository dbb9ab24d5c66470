package ssh

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"infra/internal/inventory"
)

func TestRender(t *testing.T) {
	bastion := inventory.Host{ID: bastionID, Name: "bastion", Role: "bastion", PrivateAddress: "10.0.0.10", PublicAddress: "198.19.0.4"}
	private := inventory.Host{ID: privateID, Name: "zookeeper-1", Role: "server", PrivateAddress: "10.0.1.10"}
	tests := []struct {
		name     string
		settings Settings
		batch    bool
		file     string
	}{
		{"bastion", Settings{Hosts: []inventory.Host{bastion, private}, User: "admin", IdentityFile: "/home/me/100% mine/id", Directory: "/run/dir"}, true, "bastion"},
		{"ssm", Settings{Hosts: []inventory.Host{private}, User: "admin", Access: SSM, Region: "eu-west-1", Directory: "/run/dir"}, false, "ssm"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, err := (&Client{settings: test.settings, sockets: "/tmp/s"}).render(test.batch)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join("testdata", test.file+".ssh_config")
			if os.Getenv("UPDATE_GOLDEN") != "" {
				if err := os.WriteFile(path, []byte(got), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("%s differs; got:\n%s", path, got)
			}
		})
	}
}

func TestOpenRefuses(t *testing.T) {
	good := inventory.Host{ID: bastionID, Name: "bastion", Role: "bastion", PrivateAddress: "10.0.0.10"}
	change := func(f func(*inventory.Host)) []inventory.Host {
		h := good
		f(&h)
		return []inventory.Host{h}
	}
	dir := t.TempDir()
	tests := []struct {
		name     string
		settings Settings
	}{
		{"option as a name", Settings{Hosts: change(func(h *inventory.Host) { h.Name = "-oProxyCommand=id" }), User: "admin", Directory: dir}},
		{"second line in a name", Settings{Hosts: change(func(h *inventory.Host) { h.Name = "a\nProxyCommand id" }), User: "admin", Directory: dir}},
		{"pattern as a name", Settings{Hosts: change(func(h *inventory.Host) { h.Name = "*" }), User: "admin", Directory: dir}},
		{"id", Settings{Hosts: change(func(h *inventory.Host) { h.ID = "i-0;id" }), User: "admin", Directory: dir}},
		{"address", Settings{Hosts: change(func(h *inventory.Host) { h.PrivateAddress = "$(id)" }), User: "admin", Directory: dir}},
		{"user", Settings{Hosts: []inventory.Host{good}, User: "root -v", Directory: dir}},
		{"region", Settings{Hosts: []inventory.Host{good}, User: "admin", Access: SSM, Region: "eu;id", Directory: dir}},
		{"relative directory", Settings{Hosts: []inventory.Host{good}, User: "admin", Directory: "run"}},
		{"identity with an expansion", Settings{Hosts: []inventory.Host{good}, User: "admin", Directory: dir, IdentityFile: "/x/${HOME}"}},
		{"no bastion", Settings{Hosts: change(func(h *inventory.Host) { h.Role = "server" }), User: "admin", Directory: dir}},
	}
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", t.TempDir())
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if c, err := Open(test.settings); err == nil {
				t.Error("accepted", errors.Join(c.Close()))
			}
		})
	}
	left, err := filepath.Glob(filepath.Join(os.TempDir(), "infra-ssh-*"))
	if err != nil || len(left) > 0 {
		t.Errorf("left behind: %v %v", left, err)
	}
}

func TestSocketDirectoryIsShort(t *testing.T) {
	t.Setenv("XDG_RUNTIME_DIR", "")
	t.Setenv("TMPDIR", "/tmp/"+strings.Repeat("long", 30))
	dir, err := socketDirectory()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if len(filepath.Join(dir, "999"))+17 > 107 {
		t.Errorf("%s is too long for a socket", dir)
	}
}

func TestChildEnvironment(t *testing.T) {
	environ := []string{"PATH=/bin", "AWS_SECRET_ACCESS_KEY=s", "TF_VAR_x=1", "SSH_AUTH_SOCK=/a", "LD_PRELOAD=x", "SSH_ASKPASS=/evil"}
	if got := childEnvironment(environ); !slices.Equal(got, []string{"PATH=/bin", "SSH_AUTH_SOCK=/a"}) {
		t.Errorf("got %v", got)
	}
	for access, want := range map[Access]bool{Bastion: false, SSM: true} {
		c := &Client{settings: Settings{Access: access, AWS: []string{"AWS_REGION=r"}}}
		if got := slices.Contains(c.environment(), "AWS_REGION=r"); got != want {
			t.Errorf("%s: AWS variables seen: %v", access, got)
		}
	}
}
