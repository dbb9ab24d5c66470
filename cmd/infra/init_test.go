package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestInit makes a project in an empty folder and plans it, whole, against an
// emulator: nothing but the program and what it has written takes part.
func TestInit(t *testing.T) {
	t.Parallel()
	c := newCloud(t)
	tools := filepath.Join(c.project, ".infra")
	c.project = t.TempDir()
	_, said := c.run(t, 0, "init", "--sandbox", "--name", "mine", "--endpoint", c.endpoint, "--cidr", "10.79.0.0/16", "--git")
	for _, want := range []string{"environments/mine.yaml", "infra sandbox up --environment mine", "infra apply mine"} {
		if !strings.Contains(said, want) {
			t.Errorf("no %q in\n%s", want, said)
		}
	}
	if _, err := os.Stat(filepath.Join(c.project, ".git", "HEAD")); err != nil {
		t.Error(err)
	}
	if _, again := c.run(t, 64, "init", "--sandbox"); !strings.Contains(again, "not empty") || !strings.Contains(again, "ansible/, environments/, terraform/") {
		t.Errorf("a second one says\n%s", again)
	}
	if err := os.Symlink(tools, filepath.Join(c.project, ".infra")); err != nil {
		t.Fatal(err)
	}
	c.run(t, 0, "validate", "mine")
	c.run(t, 0, "bootstrap", "mine")
	planned, said := c.run(t, 2, "plan", "mine")
	if !strings.Contains(planned+said, "baseline/mine") {
		t.Errorf("planned\n%s\n%s", planned, said)
	}
}

// TestInitAsks answers the questions on a terminal: what is typed counts, and
// what is only acknowledged is the usual.
func TestInitAsks(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "id.pub")
	if err := os.WriteFile(key, []byte("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOvGRh7ObiOrYPTzjkZdNYOJpf//0HYZDDjHdstLKrND you@example.com\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := &cloud{project: t.TempDir()}
	v := c.terminal(t, "init")
	for _, step := range []struct{ question, answer string }{
		{"AWS account of 12 digits, or sandbox for this machine alone [sandbox]:", "333333333333"},
		{"Name of the environment [prod]:", "live"},
		{"AWS region [eu-west-1]:", ""},
		{"Private range of the network, /16 to /20 [10.20.0.0/16]:", "10.44.0.0/16"},
		{"File with your public SSH key", key},
		{"Network that may reach a bastion", ""},
	} {
		v.says(t, step.question)
		v.types(t, step.answer+"\n")
	}
	v.says(t, "infra apply live")
	if err := v.cmd.Wait(); err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(c.project, "environments", "live.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`account: "333333333333"`, "region: eu-west-1", "cidr: 10.44.0.0/16", "access: ssm", "you@example.com"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
}
