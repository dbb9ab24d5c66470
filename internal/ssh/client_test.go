package ssh

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/inventory"
)

const (
	bastionID = "i-0aaaaaaaaaaaaaaaa"
	privateID = "i-0bbbbbbbbbbbbbbbb"
	deadID    = "i-0cccccccccccccccc"
)

// world is a bastion, a private host behind it, one that does not answer, and
// a client that is to reach them.
type world struct {
	bastion, private *server
	hosts            []inventory.Host // bastion, private, dead
	settings         Settings
}

func newWorld(t *testing.T) *world {
	t.Helper()
	identity, public := clientKey(t)
	private := startServer(t, public, nil)
	bastion := startServer(t, public, map[string]int{"10.0.1.10": private.port})
	hosts := []inventory.Host{
		{ID: bastionID, Name: "bastion", Layer: "vpc", Role: "bastion", Number: 1, PrivateAddress: "10.0.0.10", PublicAddress: "127.0.0.1"},
		{ID: privateID, Name: "zookeeper-1", Layer: "zookeeper", Role: "server", Number: 1, PrivateAddress: "10.0.1.10"},
		{ID: deadID, Name: "zookeeper-2", Layer: "zookeeper", Role: "server", Number: 2, PrivateAddress: "10.0.1.11"},
	}
	return &world{bastion: bastion, private: private, hosts: hosts, settings: Settings{
		Environment: "test", Hosts: hosts, User: "admin", IdentityFile: identity, Directory: t.TempDir(),
		Keys:  Keys{bastionID: {bastion.publicKey}, privateID: {private.publicKey}, deadID: {private.publicKey}},
		ports: map[string]int{bastionID: bastion.port},
	}}
}

func (w *world) open(t *testing.T) *Client {
	t.Helper()
	c, err := Open(w.settings)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(c.sockets); !errors.Is(err, os.ErrNotExist) {
			t.Errorf("sockets are left: %v", err)
		}
	})
	return c
}

func TestRunThroughTheBastion(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	ctx := t.Context()
	if err := c.Wait(ctx, w.hosts[:2], time.Minute); err != nil {
		t.Fatal(err)
	}
	// Words arrive as they are, whatever a shell would make of them.
	words := []string{"$(id)", "`id`", "a b", "it's", "", "*", "-n", "\\", "$HOME", "new\nline", "ü"}
	out, err := c.Run(ctx, w.hosts[1], nil, append([]string{"printf", "[%s]"}, words...)...)
	if want := "[" + strings.Join(words, "][") + "]"; err != nil || string(out) != want {
		t.Errorf("got %q, %v; want %q", out, err, want)
	}
	out, err = c.Run(ctx, w.hosts[1], strings.NewReader("from stdin"), "cat")
	if err != nil || string(out) != "from stdin" {
		t.Errorf("got %q, %v", out, err)
	}
	_, err = c.Run(ctx, w.hosts[1], nil, "sh", "-c", "echo why >&2; exit 3")
	var failed *CommandError
	if !errors.As(err, &failed) || failed.Code != 3 || failed.Stderr != "why" {
		t.Errorf("got %v", err)
	}
	if _, err := c.Run(ctx, w.hosts[1], nil, "x", "nul\x00"); err == nil {
		t.Error("a NUL byte was accepted")
	}
	// Five commands, one login to each host.
	if b, p := w.bastion.connections.Load(), w.private.connections.Load(); b != 1 || p != 1 {
		t.Errorf("%d logins to the bastion, %d to the host; want 1 and 1", b, p)
	}
	for _, file := range []string{c.ConfigFile(), c.interactiveFile(), c.KnownHostsFile()} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v %v", file, info.Mode(), err)
		}
	}
}

func TestUnreachableHostIsNamed(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	err := c.Wait(t.Context(), w.hosts, 4*time.Second)
	if fault.CodeOf(err) != fault.Hosts || !strings.Contains(err.Error(), "zookeeper-2 ("+deadID+")") || strings.Contains(err.Error(), "zookeeper-1") {
		t.Errorf("got %v", err)
	}
	if !strings.Contains(fault.HintOf(err), deadID) {
		t.Errorf("hint: %q", fault.HintOf(err))
	}
}

// TestStoppedHostEndsTheWait would take an hour if the state were not asked.
func TestStoppedHostEndsTheWait(t *testing.T) {
	w := newWorld(t)
	w.settings.EC2, _ = (&cloud{states: map[string]string{bastionID: "running", privateID: "running", deadID: "stopped"}}).start(t)
	c := w.open(t)
	err := c.Wait(t.Context(), w.hosts, time.Hour)
	if fault.CodeOf(err) != fault.Hosts || !strings.Contains(err.Error(), "zookeeper-2") || !strings.Contains(err.Error(), "the instance is stopped, not running") {
		t.Errorf("got %v", err)
	}
	if strings.Contains(err.Error(), "not within") {
		t.Errorf("time was not the reason: %v", err)
	}
}

func TestWrongHostKeyStopsAtOnce(t *testing.T) {
	tests := []struct {
		name string
		keys func(w *world)
		want string // the host that is named
	}{
		{"another key on the host", func(w *world) { w.settings.Keys[privateID] = w.settings.Keys[bastionID] }, "zookeeper-1"},
		{"another key on the bastion", func(w *world) { w.settings.Keys[bastionID] = w.settings.Keys[privateID] }, "bastion"},
		{"no key known", func(w *world) { delete(w.settings.Keys, privateID) }, "zookeeper-1"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			test.keys(w)
			c := w.open(t)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			err := c.Wait(ctx, w.hosts, time.Hour)
			var wrong *HostKeyError
			if !errors.As(err, &wrong) || wrong.Host.Name != test.want || fault.CodeOf(err) != fault.Hosts || fault.HintOf(err) == "" {
				t.Fatalf("got %v", err)
			}
			if strings.Contains(err.Error(), "zookeeper-2") {
				t.Errorf("the wrong key is lost among others: %v", err)
			}
		})
	}
}

func TestCancelledRun(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	ctx, cancel := context.WithCancel(t.Context())
	started := filepath.Join(t.TempDir(), "started")
	go func() {
		for {
			if _, err := os.Stat(started); err == nil {
				cancel()
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}()
	_, err := c.Run(ctx, w.hosts[1], nil, "sh", "-c", "touch "+started+"; exec sleep 30")
	if !errors.Is(err, context.Canceled) || fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("got %v", err)
	}
}

func TestCommand(t *testing.T) {
	w := newWorld(t)
	c := w.open(t)
	cmd, err := c.Command(w.hosts[1], "echo", "a  b")
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stdin, cmd.Stdout, cmd.Stderr = nil, nil, nil
	out, err := cmd.Output()
	if err != nil || string(out) != "a  b\n" {
		t.Errorf("got %q, %v", out, err)
	}
}

func TestEnsureKey(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "ssh", "test")
	private, public, err := EnsureKey(t.Context(), dir, "infra-test")
	if err != nil || !strings.HasSuffix(public, " infra-test") {
		t.Fatalf("got %q, %v", public, err)
	}
	info, err := os.Stat(private)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	_, again, err := EnsureKey(t.Context(), dir, "other")
	if err != nil || again != public {
		t.Errorf("a second key was made: %q, %v", again, err)
	}
	if err := os.Remove(private); err != nil {
		t.Fatal(err)
	}
	if _, _, err := EnsureKey(t.Context(), dir, "other"); err == nil || fault.HintOf(err) == "" {
		t.Errorf("half a pair: %v", err)
	}
}
