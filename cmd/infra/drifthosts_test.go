//go:build endtoend

package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/ci"
	"infra/internal/drift"
	"infra/internal/report"
)

// driftOfHosts looks for drift on the real hosts: none right after an apply, a
// file that somebody changed by hand, and what a branch's role would change, as a
// pipeline's plan says it. Nothing of it changes a host.
func driftOfHosts(t *testing.T, p *platform) {
	const role, file = "ansible/roles/base/templates/journald.conf.j2", "/etc/systemd/journald.conf.d/60-infra.conf"
	for _, e := range documentOf[report.DriftDocument](t, p, 0, "drift", "e2e").Environments {
		if len(e.Findings) > 0 || e.SkippedHosts {
			t.Errorf("just applied, and yet %+v", e)
		}
	}
	was := p.on(t, "zookeeper-2", "cat", file)
	p.on(t, "zookeeper-2", "truncate", "--size", "1", file)
	found := documentOf[report.DriftDocument](t, p, 2, "drift", "e2e").Environments[0].Findings
	files := ""
	for _, f := range found {
		if files += f.File; f.Kind != drift.Host || f.Host != "zookeeper-2" {
			t.Errorf("nobody has changed %+v", f)
		}
	}
	if files != file {
		t.Errorf("of %s, changed by hand, it says %+v", file, found)
	}
	if now := p.on(t, "zookeeper-2", "cat", file); len(now) > 1 {
		t.Errorf("looking has changed it: %q", now)
	}

	// A pull request changes the role.
	text, err := os.ReadFile(filepath.Join(p.project, filepath.FromSlash(role)))
	if err != nil {
		t.Fatal(err)
	}
	p.write(t, ".gitignore", ".infra/\n")
	p.git(t, "init", "--quiet", "--initial-branch=main")
	p.git(t, "add", "--all")
	p.git(t, "commit", "--quiet", "--message", "first")
	p.write(t, role, string(text)+"# more\n")
	p.git(t, "commit", "--quiet", "--all", "--message", "more")
	comment := filepath.Join(t.TempDir(), "comment.md")
	plan := documentOf[ci.Plan](t, p, 2, "ci", "plan", "--env", "e2e", "--base", "HEAD^", "--comment", comment)
	hosts := map[string]bool{}
	for _, task := range plan.Environments[0].Tasks {
		if task.File != "" && !strings.Contains(task.File, file) {
			t.Errorf("it would change %+v", task)
		}
		hosts[task.Host] = true
	}
	if e := plan.Environments[0]; len(hosts) != len(e.Hosts) || len(hosts) < 6 || e.Unasked != "" {
		t.Errorf("%d of %d hosts would change; unasked: %q", len(hosts), len(e.Hosts), e.Unasked)
	}
	if shown, err := os.ReadFile(comment); err != nil || !strings.Contains(string(shown), "### Tasks that would change hosts: ") || !strings.Contains(string(shown), "| e2e | zookeeper-2 | ") {
		t.Errorf("%v: %s", err, shown)
	}

	// All as it was.
	p.write(t, role, string(text))
	if err := os.RemoveAll(filepath.Join(p.project, ".git")); err != nil {
		t.Fatal(err)
	}
	p.run(t, 0, "configure", "e2e")
	if now := p.on(t, "zookeeper-2", "cat", file); now != was {
		t.Errorf("configured anew it is %q, it was %q", now, was)
	}
}

func (p *platform) git(t *testing.T, args ...string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "git", append([]string{"-C", p.project, "-c", "user.name=t", "-c", "user.email=t@example.com"}, args...)...)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("git %v: %v\n%s", args, err, out)
	}
}
