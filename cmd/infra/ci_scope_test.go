package main

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"gopkg.in/yaml.v3"
)

// codeOnly is the shipped code in a repository of its own, without a cloud:
// for what stops before it would need one.
func codeOnly(t *testing.T) *cloud {
	t.Helper()
	c := &cloud{project: t.TempDir()}
	for _, dir := range []string{"terraform", "ansible", "environments"} {
		if err := os.CopyFS(filepath.Join(c.project, dir), os.DirFS(filepath.Join("..", "..", dir))); err != nil {
			t.Fatal(err)
		}
	}
	c.git(t, "init", "--quiet", "--initial-branch=main")
	return c
}

// TestRemovedEnvironment removes an environment's file: refused, unless
// somebody says that it is meant. Nothing of it needs an account.
func TestRemovedEnvironment(t *testing.T) {
	t.Parallel()
	c := codeOnly(t)
	c.write(t, "environments/unused.yaml", "region: eu-west-1\n")
	c.commit(t, "first")
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.git(t, "rm", "--quiet", "environments/acme.yaml", "environments/unused.yaml")
	c.commit(t, "without acme")
	_, stderr := c.run(t, 3, "ci", "plan")
	wantText(t, stderr, "acme", "next: ", "infra destroy acme", "--removed acme")
	if strings.Contains(stderr, "unused") {
		t.Errorf("a base is taken for an environment:\n%s", stderr)
	}
	c.run(t, 3, "ci", "plan", "--removed", "prod")
	stdout, _ := c.run(t, 0, "ci", "plan", "--removed", "acme", "--output", "json")
	wantText(t, stdout, `"removed": [`, `"acme"`, `"environments": []`)
	_, stderr = c.run(t, 0, "ci", "affected", "--push") // it is merged
	wantText(t, stderr, "warning: ", "acme", "No environment is affected")
	c.git(t, "commit", "--quiet", "--amend", "--message", "without acme\n\nInfra-Removed: acme")
	comment := filepath.Join(t.TempDir(), "comment.md")
	c.run(t, 0, "ci", "plan", "--comment", comment)
	if data, err := os.ReadFile(comment); err != nil || !strings.Contains(string(data), "no environment is affected") {
		t.Errorf("%v: %s", err, data)
	}
	c.run(t, 64, "ci", "plan", "--base", "none")
	c.run(t, 64, "ci", "plan", "--env", "pord")
	c.run(t, 64, "ci", "init", "jenkins")
	// A job that left no plan behind is not passed over.
	c.run(t, 1, "ci", "comment", t.TempDir(), "--comment", comment, "--expect", `[{"environment":"prod"}]`)
	if data, err := os.ReadFile(comment); err != nil || !strings.Contains(string(data), "its job left no plan") || !strings.Contains(string(data), "infra ci plan --env prod") {
		t.Errorf("%v: %s", err, data)
	}
	c.run(t, 0, "ci", "comment", t.TempDir(), "--expect", "[]")
	c.run(t, 64, "ci", "comment", "none.json")
}

// TestMovedEnvironment moves an environment's file into a folder: it is not
// gone, and is affected by what it extends.
func TestMovedEnvironment(t *testing.T) {
	t.Parallel()
	c := codeOnly(t)
	c.commit(t, "first")
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "environments/customers/note.txt", "customers\n")
	c.git(t, "mv", "environments/acme.yaml", "environments/customers/acme.yaml")
	c.commit(t, "acme is a customer")
	stdout, _ := c.run(t, 0, "ci", "affected", "--output", "json")
	wantText(t, stdout, `"removed": []`, `"environment": "acme"`, `"environments/customers/acme.yaml"`)
	c.git(t, "rm", "--quiet", "environments/customers/acme.yaml")
	c.commit(t, "acme is no customer any more")
	_, stderr := c.run(t, 3, "ci", "affected", "--base", "HEAD~1")
	wantText(t, stderr, "accept the removal of acme")
}

// TestGitLabSteps runs the commands of GitLab's job for a merge request that
// affects nothing, twice: the note is posted, and then updated.
func TestGitLabSteps(t *testing.T) {
	t.Parallel()
	for _, program := range []string{"curl", "jq", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	c := codeOnly(t)
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c.write(t, "Makefile", makefile(self))
	c.write(t, ".gitignore", ".infra/\nbin/\n")
	c.run(t, 0, "ci", "init", "gitlab")
	c.git(t, "add", "--all")
	c.git(t, "commit", "--quiet", "--message", "first")
	var pipeline struct {
		Base struct {
			Before []string `yaml:"before_script"`
		} `yaml:".infra"`
		Plan struct {
			Script []string
			After  []string `yaml:"after_script"`
		}
	}
	text, err := os.ReadFile(filepath.Join(c.project, ".gitlab-ci.yml"))
	if err != nil || yaml.Unmarshal(text, &pipeline) != nil {
		t.Fatalf("%v\n%s", err, text)
	}

	var mu sync.Mutex
	var asked []string
	notes := `[]`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		if r.Header.Get("Private-Token") != "s3cr3t" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, notes)
			return
		}
		asked = append(asked, r.Method+" "+r.URL.Path+" "+strings.SplitN(r.FormValue("body"), "\n", 2)[0])
		notes = `[{"id":5,"body":"hello"},{"id":6,"body":"<!-- infra ci plan -->"}]`
	}))
	defer server.Close()
	run := func(lines []string) {
		t.Helper()
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(lines, "\n"))
		cmd.Dir = c.project
		cmd.Env = append(os.Environ(),
			"GITLAB_CI=true", "CI_MERGE_REQUEST_DIFF_BASE_SHA=HEAD", "CI_PROJECT_ID=1", "CI_MERGE_REQUEST_IID=7", "CI_API_V4_URL="+server.URL,
			"INFRA_TOKEN=t0k3n", "INFRA_COMMENT_TOKEN=s3cr3t", "CI_PROJECT_DIR="+c.project)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
	for range 2 {
		run(append(pipeline.Base.Before, pipeline.Plan.Script...))
		run(pipeline.Plan.After)
	}
	want := "POST /projects/1/merge_requests/7/notes <!-- infra ci plan -->\nPUT /projects/1/merge_requests/7/notes/6 <!-- infra ci plan -->"
	if got := strings.Join(asked, "\n"); got != want {
		t.Errorf("asked were:\n%s\nwant:\n%s", got, want)
	}
	for _, name := range []string{"token", "curl"} {
		if info, err := os.Stat(filepath.Join(c.project, ".infra", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file with the token: %v, %v", info, err)
		}
	}
}

// TestHundredsOfEnvironments finds that nothing is affected among 500
// environments in less than a second.
func TestHundredsOfEnvironments(t *testing.T) {
	c := codeOnly(t)
	for i := range 500 {
		c.write(t, fmt.Sprintf("environments/env-%03d.yaml", i), fmt.Sprintf("extends: base\naccount: \"%d\"\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.%d.0.0/16\n", 100000000000+i, i%250))
	}
	c.commit(t, "first")
	c.write(t, "README.md", "x")
	c.commit(t, "second")
	best := time.Hour
	for range 5 {
		started := time.Now()
		c.run(t, 0, "ci", "plan", "--base", "HEAD^")
		best = min(best, time.Since(started))
	}
	if best > time.Second {
		t.Errorf("the quickest of five took %s", best)
	}
	stdout, _ := c.run(t, 0, "ci", "affected", "--base", "HEAD^", "--env", "env-007", "--output", "json")
	wantText(t, stdout, `"environment": "env-007"`, `"product": "baseline"`)
}
