//go:build endtoend

package main

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	gossh "golang.org/x/crypto/ssh"
	"golang.org/x/crypto/ssh/agent"

	"infra/internal/ssh"
)

// everyKey adds a second key to the environment: who has no other logs in to
// hosts that were launched before anybody knew it.
func everyKey(t *testing.T, p *platform) {
	_, first, err := ssh.EnsureKey(t.Context(), filepath.Join(p.project, ".infra", "ssh", "e2e"), "infra-e2e")
	if err != nil {
		t.Fatal(err)
	}
	second, public, err := ssh.EnsureKey(t.Context(), t.TempDir(), "pipeline")
	if err != nil {
		t.Fatal(err)
	}
	was := content(t, filepath.Join(p.project, "environments", "e2e.yaml"))
	p.write(t, "environments/e2e.yaml", was+"ssh:\n  public_keys:\n    - "+strings.TrimSpace(first)+"\n    - "+strings.TrimSpace(public)+"\n")

	t.Setenv("SSH_AUTH_SOCK", agentOf(t, filepath.Join(p.project, ".infra", "ssh", "e2e", "id_ed25519")))
	p.run(t, 0, "plan", "e2e") // the key pair is the first key's, as before
	if doc := data[runDocument](t, p, "configure", "e2e"); !doc.Changed {
		t.Error("no host was given the second key")
	}
	t.Setenv("SSH_AUTH_SOCK", agentOf(t, second))
	if who := p.on(t, "bastion", "cat", "/etc/ssh/authorized_keys.d/admin"); !strings.Contains(who, strings.TrimSpace(public)) {
		t.Errorf("the bastion knows %q", who)
	}
	if doc := data[runDocument](t, p, "configure", "e2e"); doc.Changed {
		t.Errorf("a second run changed %v", doc.Tasks)
	}
	p.write(t, "environments/e2e.yaml", was)
}

// agentOf is an SSH agent with one key, which lives in this process and ends
// with it, whatever ends it.
func agentOf(t *testing.T, file string) (socket string) {
	t.Helper()
	key, err := gossh.ParseRawPrivateKey([]byte(content(t, file)))
	if err != nil {
		t.Fatal(err)
	}
	keys := agent.NewKeyring()
	if err := keys.Add(agent.AddedKey{PrivateKey: key}); err != nil {
		t.Fatal(err)
	}
	dir, err := os.MkdirTemp("", "agent-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	socket = filepath.Join(dir, "socket")
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return // it was closed
			}
			go func() { _ = agent.ServeAgent(keys, conn) }() // until ssh hangs up
		}
	}()
	return socket
}
