package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"gopkg.in/yaml.v3"
)

// gitlab plays GitLab: it runs the commands of a pipeline's jobs, as they stand
// there, and has an API that takes notes.
type gitlab struct {
	c    *cloud
	base struct {
		Before []string `yaml:"before_script"`
	}
	jobs map[string]struct {
		Script []string
		After  []string `yaml:"after_script"`
	}
	api string

	mu    sync.Mutex
	asked []string // of the API, with the first line of the note
	note  string   // the last one
}

// newGitLab reads the pipeline that infra has written into a project.
func newGitLab(t *testing.T, c *cloud) *gitlab {
	t.Helper()
	for _, program := range []string{"curl", "jq", "make"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skip(err)
		}
	}
	g := &gitlab{c: c}
	text, err := os.ReadFile(filepath.Join(c.project, ".gitlab-ci.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var all map[string]yaml.Node
	if err := yaml.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	base := all[".infra"]
	delete(all, "workflow")
	delete(all, ".infra")
	jobs, err := yaml.Marshal(all)
	if err != nil || base.Decode(&g.base) != nil || yaml.Unmarshal(jobs, &g.jobs) != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	server := httptest.NewServer(http.HandlerFunc(g.take))
	t.Cleanup(server.Close)
	g.api = server.URL
	return g
}

// take is the API: it knows a note as soon as one was posted.
func (g *gitlab) take(w http.ResponseWriter, r *http.Request) {
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case r.Header.Get("Private-Token") != "s3cr3t":
		w.WriteHeader(http.StatusUnauthorized)
	case r.Method == http.MethodGet && len(g.asked) == 0:
		_, _ = io.WriteString(w, `[]`)
	case r.Method == http.MethodGet:
		_, _ = io.WriteString(w, `[{"id":5,"body":"hello"},{"id":6,"body":"<!-- infra ci plan -->"}]`)
	default:
		g.note = r.FormValue("body")
		g.asked = append(g.asked, r.Method+" "+r.URL.Path+" "+strings.SplitN(g.note, "\n", 2)[0])
	}
}

// job runs a job in a pipeline of a kind: the exit code of its script, whose
// after_script runs in any case.
func (g *gitlab) job(t *testing.T, name string, variables ...string) (code int, said string) {
	t.Helper()
	job, known := g.jobs[name]
	if !known {
		t.Fatalf("there is no job %s", name)
	}
	code, said = g.shell(t, append(g.base.Before, job.Script...), variables)
	if after, more := g.shell(t, job.After, variables); after != 0 {
		t.Errorf("what comes after %s: exit %d: %s", name, after, more)
	}
	return code, said
}

func (g *gitlab) shell(t *testing.T, lines, variables []string) (int, string) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "bash", "-e", "-o", "pipefail", "-c", strings.Join(lines, "\n"))
	cmd.Dir = g.c.project
	cmd.Env = append(append(os.Environ(),
		"GITLAB_CI=true", "CI_PROJECT_ID=1", "CI_API_V4_URL="+g.api, "INFRA_TOKEN=t0k3n", "CI_PROJECT_DIR="+g.c.project), variables...)
	out, err := cmd.CombinedOutput()
	return exitCode(t, err), string(out)
}

// mergeRequest are the variables of a merge request's pipeline.
func mergeRequest(base string) []string {
	return []string{"CI_MERGE_REQUEST_DIFF_BASE_SHA=" + base, "CI_MERGE_REQUEST_IID=7", "INFRA_COMMENT_TOKEN=s3cr3t"}
}

// TestPipelineGitLabUnaffected runs GitLab's job for a merge request that
// affects nothing, twice: the note is posted, and then updated.
func TestPipelineGitLabUnaffected(t *testing.T) {
	t.Parallel()
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
	g := newGitLab(t, c)
	for range 2 {
		if code, said := g.job(t, "plan", mergeRequest("HEAD")...); code != 0 {
			t.Fatalf("exit %d: %s", code, said)
		}
	}
	want := "POST /projects/1/merge_requests/7/notes <!-- infra ci plan -->\nPUT /projects/1/merge_requests/7/notes/6 <!-- infra ci plan -->"
	if got := strings.Join(g.asked, "\n"); got != want {
		t.Errorf("asked were:\n%s\nwant:\n%s", got, want)
	}
	wantText(t, g.note, "no environment is affected")
	for _, name := range []string{"token", "curl"} {
		if info, err := os.Stat(filepath.Join(c.project, ".infra", name)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("the file with the token: %v, %v", info, err)
		}
	}
}

// TestPipelineGitLab plays a merge request that changes one of three
// environments, its merge, and a schedule, with GitLab's own commands.
func TestPipelineGitLab(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, func(c *cloud) { c.run(t, 0, "ci", "init", "gitlab", "--emulated") })
	c, g := p.c, newGitLab(t, p.c)
	before := p.head(t, "main")
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "environments/east.yaml", "extends: cloud\ntags: {stage: blue}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.90.0.0/16\n")
	p.commit(t, "a tag")
	if code, said := g.job(t, "plan", mergeRequest(before)...); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, g.note, "1 of 1 affected environments would change", "| pipeline/east | 0 | 0 | 1 | 0 |", "```diff", "stage", "does exactly the same")
	if n := len(g.asked); n != 1 || strings.Contains(g.note, "west") {
		t.Errorf("%d notes, the last:\n%s", n, g.note)
	}
	c.git(t, "switch", "--quiet", "main")
	c.git(t, "merge", "--quiet", "--squash", "topic")
	p.commit(t, "a tag (!7)")
	if code, said := g.job(t, "apply", "CI_COMMIT_BEFORE_SHA="+before); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	c.run(t, 0, "plan", "east")

	// The same once more is stale, and so is the job.
	code, said := g.job(t, "apply", "CI_COMMIT_BEFORE_SHA="+before)
	if code != 3 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "stale", "infra ci plan --env east")
	results, err := os.ReadFile(filepath.Join(c.project, ".infra", "junit.xml"))
	if err != nil || !strings.Contains(string(results), "refused by a guard") {
		t.Errorf("%v: %s", err, results)
	}
}

// TestPipelineGitLabOfSeveral plays a merge request that changes two of three
// environments, of which one breaks, and then the mended one and its merge: a
// job works on both side by side, and hides nothing of either.
func TestPipelineGitLabOfSeveral(t *testing.T) {
	t.Parallel()
	p := newPipeline(t, func(c *cloud) { c.run(t, 0, "ci", "init", "gitlab", "--emulated") })
	c, g := p.c, newGitLab(t, p.c)
	before := p.head(t, "main")
	east := "extends: cloud\ntags: {stage: blue}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.90.0.0/16\n"
	west := "extends: cloud\ntags: {stage: blue}\nproducts:\n  pipeline:\n    vpc:\n      cidr: 10.91.0.0/16\n"
	c.git(t, "switch", "--quiet", "--create", "topic")
	c.write(t, "environments/east.yaml", east)
	c.write(t, "environments/west.yaml", strings.Replace(west, "products:", "endpoint: http://127.0.0.1:1\nproducts:", 1)) // where nothing answers
	p.commit(t, "a tag, and a mistake")
	code, said := g.job(t, "plan", mergeRequest(before)...)
	if code != 1 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, said, "east: ended with exit code 2", "west: ended with exit code 1", "west | error: ", "error: west: ")
	if strings.Contains(said, "\neast | ") {
		t.Errorf("of one that went well every word is shown:\n%s", said)
	}
	wantText(t, g.note, "| pipeline/east | 0 | 0 | 1 | 0 |", "west", "127.0.0.1:1")

	c.write(t, "environments/west.yaml", west)
	p.commit(t, "mended")
	if code, said := g.job(t, "plan", mergeRequest(before)...); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	wantText(t, g.note, "2 of 2 affected environments would change", "| pipeline/east | 0 | 0 | 1 | 0 |", "| pipeline/west | 0 | 0 | 1 | 0 |")
	c.git(t, "switch", "--quiet", "main")
	c.git(t, "merge", "--quiet", "--squash", "topic")
	p.commit(t, "a tag (!8)")
	if code, said := g.job(t, "apply", "CI_COMMIT_BEFORE_SHA="+before); code != 0 {
		t.Fatalf("exit %d: %s", code, said)
	}
	for _, name := range []string{"east", "west"} {
		c.run(t, 0, "plan", name)
		wantText(t, content(t, filepath.Join(c.project, ".infra", "junit.xml")), name)
	}
}
