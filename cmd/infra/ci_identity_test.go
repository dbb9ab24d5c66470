package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/ssh"
)

// keyViewer stands for infra: it writes down which SSH keys it could use, where
// the agent is, and how often the environment has a private key; then it refuses.
const keyViewer = `#!/bin/sh
{ ssh-add -l; echo "keys $(env | grep -c 'PRIVATE KEY')"; } > seen 2>&1
printf %s "$SSH_AUTH_SOCK" > socket
exit 3
`

// TestPipelineIdentity runs the apply jobs of both services with a key and
// without: infra has it from an agent while it runs, nobody sees it, and the
// agent ends with infra, whose exit code stays.
func TestPipelineIdentity(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"ssh-agent", "ssh-add", "ssh-keygen"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	c := codeOnly(t)
	c.run(t, 0, "ci", "init", "github")
	_, stderr := c.run(t, 0, "ci", "init", "gitlab")
	wantText(t, stderr, "INFRA_SSH_KEY, of type file and protected", "ssh.public_keys", "bastion_allowed_cidrs")
	c.write(t, "Makefile", "build:\n\tchmod 755 bin/infra\n")
	c.write(t, "bin/infra", keyViewer)
	c.commit(t, "first")
	made := filepath.Join(t.TempDir(), "deploy")
	if out, err := exec.CommandContext(t.Context(), "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pipeline", "-f", made).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	// As a browser's form hands a text on.
	key := strings.ReplaceAll(strings.TrimSpace(content(t, made)), "\n", "\r\n")
	file := filepath.Join(t.TempDir(), "INFRA_SSH_KEY")
	if err := os.WriteFile(file, []byte(key), 0o644); err != nil { // as GitLab writes it
		t.Fatal(err)
	}
	github := &pipeline{c: c}
	github.workflows(t)
	github.push(t, "HEAD")
	github.env = append(github.env, "SSH_AUTH_SOCK=")
	gitlab := newGitLab(t, c)
	onGitHub := func(key string) (int, string) {
		return github.job(t, "apply", map[string]string{"matrix.environment": "prod", "secrets.INFRA_SSH_KEY": key})
	}
	for name, run := range map[string]func(with bool) (int, string){
		"github": func(with bool) (int, string) { return onGitHub(map[bool]string{true: key}[with]) },
		"gitlab": func(with bool) (int, string) {
			return gitlab.job(t, "apply", "SSH_AUTH_SOCK=", "INFRA_SSH_KEY="+map[bool]string{true: file}[with])
		},
	} {
		for _, with := range []bool{true, false} {
			code, said := run(with)
			seen, socket := content(t, filepath.Join(c.project, "seen")), content(t, filepath.Join(c.project, "socket"))
			if code != 3 || strings.Contains(seen, "(ED25519)") != with || (socket != "") != with || !strings.Contains(seen, "keys 0") {
				t.Errorf("%s, with a key: %v: exit %d, socket %q, seen: %s\n%s", name, with, code, socket, seen, said)
			}
			if strings.Contains(said, strings.Split(key, "\r\n")[1]) {
				t.Errorf("%s: the key is shown", name)
			}
			if with && !gone(socket) {
				t.Errorf("%s: the agent is still there", name)
			}
		}
	}
	// What is no key is said before anything is changed.
	if err := os.Remove(filepath.Join(c.project, "seen")); err != nil {
		t.Fatal(err)
	}
	if code, said := onGitHub("no key"); code == 0 || code == 3 {
		t.Errorf("exit %d: %s", code, said)
	}
	code, said := gitlab.job(t, "apply", "SSH_AUTH_SOCK=", "INFRA_SSH_KEY="+key)
	if wantText(t, said, "of type file"); code != 64 || strings.Contains(said, strings.Split(key, "\r\n")[1]) {
		t.Errorf("no file: exit %d: %s", code, said)
	}
	if _, err := os.Stat(filepath.Join(c.project, "seen")); err == nil {
		t.Error("infra was started with no key")
	}
}

// gone waits for a file to go, and tells whether it did.
func gone(path string) bool {
	for range 50 {
		if _, err := os.Stat(path); os.IsNotExist(err) {
			return true
		}
		time.Sleep(100 * time.Millisecond)
	}
	return false
}

// TestPipelineWithoutIdentity merges what makes a host, in a job that could not
// log in to it: refused before Terraform changes anything.
func TestPipelineWithoutIdentity(t *testing.T) {
	t.Parallel()
	if ssh.Identity(func(name string) string { return map[string]string{"HOME": os.Getenv("HOME")}[name] }) {
		t.Skip("this machine has an SSH key of its own")
	}
	p := newPipeline(t)
	c := p.c
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "environments/east.yaml", "extends: cloud\nssh:\n  public_keys: [\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIGJ5dGVzYnl0ZXNieXRlc2J5dGVzYnl0ZXNieXRlc2J5dGVz nobody\"]\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.90.0.0/16\n")
	for _, name := range []string{"provider.tf", ".terraform.lock.hcl"} {
		c.write(t, "terraform/products/pipeline/"+name, content(t, filepath.Join("..", "..", "terraform", "products", "pipeline", name)))
	}
	c.write(t, "terraform/products/pipeline/host.tf", "resource \"aws_instance\" \"host\" {\n  ami           = \"ami-12345678\"\n  instance_type = \"t3.micro\"\n}\n")
	p.commit(t, "a host")
	p.pullRequest(t)
	if code, said := p.job(t, "plan", map[string]string{"matrix.environment": "east"}); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	c.git(t, "switch", "--quiet", "main")
	before := p.head(t, "main")
	c.git(t, "merge", "--quiet", "--squash", "topic")
	p.commit(t, "a host (#1)")
	c.git(t, "push", "--quiet", "origin", "main")
	p.push(t, before)
	p.env = append(p.env, "SSH_AUTH_SOCK=")
	at := c.changesOf(t, 0).last
	code, said := p.job(t, "apply", map[string]string{"matrix.environment": "east"})
	if code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "apply pipeline/east", "1 host would be configured afterwards", "key of ssh.public_keys", "ssh-add KEY")
	for _, made := range c.changesOf(t, at).made {
		if strings.Contains(made, "terraform.tfstate") && !strings.HasSuffix(made, ".tflock") || strings.Contains(made, "RunInstances") {
			t.Errorf("refused, and yet it has done %s", made)
		}
	}
}
