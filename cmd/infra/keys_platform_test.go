//go:build endtoend

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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

// agentOf starts an SSH agent with one key, for as long as the test goes on.
func agentOf(t *testing.T, key string) (socket string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "agent-") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	socket = filepath.Join(dir, "socket")
	agent := exec.CommandContext(t.Context(), "ssh-agent", "-D", "-a", socket)
	if err := agent.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = agent.Process.Kill()
		_ = agent.Wait() // it was killed
		_ = os.RemoveAll(dir)
	})
	eventually(t, "the agent answers", func() (bool, string) {
		add := exec.CommandContext(t.Context(), "ssh-add", "-q", key)
		add.Env = append(os.Environ(), "SSH_AUTH_SOCK="+socket)
		out, err := add.CombinedOutput()
		return err == nil, string(out)
	})
	return socket
}
