package ci_test

import (
	"bytes"
	"cmp"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/rhysd/actionlint"
	"gopkg.in/yaml.v3"

	"infra/internal/ci"
	"infra/internal/fault"
)

// lint lets actionlint read a workflow of GitHub.
func lint(t *testing.T, file ci.File) {
	t.Helper()
	var said bytes.Buffer
	linter, err := actionlint.NewLinter(&said, &actionlint.LinterOptions{LogWriter: io.Discard})
	if err != nil {
		t.Fatal(err)
	}
	found, err := linter.Lint(file.Name, []byte(file.Text), nil)
	if err != nil || len(found) > 0 {
		t.Errorf("actionlint of %s: %v\n%s", file.Name, err, said.String())
	}
}

// contains wants texts in a file.
func contains(t *testing.T, file ci.File, texts ...string) {
	t.Helper()
	for _, want := range texts {
		if !strings.Contains(file.Text, want) {
			t.Errorf("%s has no %q", file.Name, want)
		}
	}
}

// TestWorkflowsOfGitHub lets actionlint read them, and looks for what no
// workflow of ours may do.
func TestWorkflowsOfGitHub(t *testing.T) {
	t.Parallel()
	pinned := regexp.MustCompile(`^[a-z-]+/[a-z-]+@[0-9a-f]{40} # v[0-9]+\.[0-9]+\.[0-9]+$`)
	for _, o := range []ci.WorkflowOptions{{Branch: "main"}, {Branch: "release/1.x", Emulated: true}} {
		files, err := ci.Workflow(ci.GitHub, o)
		if err != nil || len(files) != 2 {
			t.Fatalf("%v: %d files", err, len(files))
		}
		contains(t, files[0], "head.repo.full_name == github.repository")
		contains(t, files[1], "schedule:", "ci drift --skip-hosts")
		for _, file := range files {
			lint(t, file)
			contains(t, file, "cancel-in-progress: false", "id-token: write", "permissions: {}", o.Branch)
			// Nothing runs with the rights of the base on the code of a fork, no key
			// is stored anywhere, and no expression is part of a command.
			// The SSH key is handed on to one job, see TestSecretsOfGitHub.
			text := strings.ReplaceAll(file.Text, "${{ secrets.INFRA_SSH_KEY }}", "")
			for _, bad := range []string{"pull_request_target", "secrets.", "cancel-in-progress: true"} {
				if strings.Contains(text, bad) {
					t.Errorf("%s has %q", file.Name, bad)
				}
			}
			for line := range strings.Lines(file.Text) {
				if _, action, uses := strings.Cut(strings.TrimSpace(line), "uses: "); uses && !pinned.MatchString(action) {
					t.Errorf("%s uses %s, which somebody else may change", file.Name, action)
				}
			}
			var workflow struct {
				Jobs map[string]struct{ Steps []struct{ Run string } }
			}
			if err := yaml.Unmarshal([]byte(file.Text), &workflow); err != nil {
				t.Fatal(err)
			}
			for job, j := range workflow.Jobs {
				for _, step := range j.Steps {
					if strings.Contains(step.Run, "${{") {
						t.Errorf("job %s has an expression in a command: %s", job, step.Run)
					}
				}
			}
		}
		if strings.Contains(files[1].Text, "apply") || strings.Contains(files[1].Text, "write\n      pull") {
			t.Errorf("a look for drift may apply:\n%s", files[1].Text)
		}
	}
}

// What notifications need is handed on by name, to the jobs that end in an
// outcome and to no pull request's; the SSH key to the one that changes hosts.
func TestSecretsOfGitHub(t *testing.T) {
	t.Parallel()
	files, err := ci.Workflow(ci.GitHub, ci.WorkflowOptions{Branch: "main", Variables: []string{"INFRA_SLACK_URL", "HOOK"}})
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		lint(t, file)
		contains(t, file, "INFRA_SLACK_URL: ${{ secrets.INFRA_SLACK_URL }}", "HOOK: ${{ secrets.HOOK }}")
		var workflow struct {
			Jobs map[string]struct {
				Steps []struct {
					Name string
					Env  map[string]string
				}
			}
		}
		if err := yaml.Unmarshal([]byte(file.Text), &workflow); err != nil {
			t.Fatal(err)
		}
		for job, j := range workflow.Jobs {
			for _, step := range j.Steps {
				if _, given := step.Env["INFRA_SLACK_URL"]; given && job != "apply" && job != "drift" {
					t.Errorf("%s: job %s gets a secret", file.Name, job)
				}
				if _, given := step.Env["INFRA_SSH_KEY"]; given != (job == "apply" && step.Name == "Apply") {
					t.Errorf("%s: job %s, step %q: gets the SSH key: %v", file.Name, job, step.Name, given)
				}
			}
		}
	}
}

// A job's session lasts as long as the baseline lets its role: an apply may take
// hours. What is not named is the action's own default, an hour.
func TestSessionsOfGitHub(t *testing.T) {
	t.Parallel()
	roles, err := os.ReadFile("../../terraform/products/baseline/roles.tf")
	if err != nil {
		t.Fatal(err)
	}
	files, err := ci.Workflow(ci.GitHub, ci.WorkflowOptions{Branch: "main"})
	if err != nil {
		t.Fatal(err)
	}
	var workflow struct {
		Jobs map[string]struct {
			Steps []struct{ With map[string]string }
		}
	}
	if err := yaml.Unmarshal([]byte(files[0].Text), &workflow); err != nil {
		t.Fatal(err)
	}
	for _, role := range []string{"plan", "apply"} {
		allowed := regexp.MustCompile(`(?s)resource "aws_iam_role" "` + role + `" \{.*?max_session_duration = (\d+)`).FindSubmatch(roles)
		if allowed == nil {
			t.Fatalf("roles.tf does not say how long a session of %s may last", role)
		}
		for _, step := range workflow.Jobs[role].Steps {
			if step.With["role-to-assume"] == "" {
				continue
			}
			if asked := cmp.Or(step.With["role-duration-seconds"], "3600"); asked != string(allowed[1]) {
				t.Errorf("job %s asks for %s seconds, its role allows %s", role, asked, allowed[1])
			}
		}
	}
}

func TestPipelineOfGitLab(t *testing.T) {
	t.Parallel()
	files, err := ci.Workflow(ci.GitLab, ci.WorkflowOptions{Branch: "release/1.x"})
	if err != nil || len(files) != 1 || yaml.Unmarshal([]byte(files[0].Text), &map[string]any{}) != nil {
		t.Fatalf("%v: %+v", err, files)
	}
	contains(t, files[0], "interruptible: false", "on_new_commit: none", "id_tokens:", "resource_group:", "exit_codes: [2]", `$CI_COMMIT_BRANCH == "release/1.x"`)
	if !regexp.MustCompile(`(?m)^  image: golang:[0-9]+\.[0-9]+\.[0-9]+-[a-z]+$`).MatchString(files[0].Text) {
		t.Error("its image has no version")
	}
}

func TestWorkflowsHaveABranch(t *testing.T) {
	t.Parallel()
	for _, branch := range []string{"", "a\"b", "a b", "-a", "a\nb", "${{ x }}"} {
		if _, err := ci.Workflow(ci.GitHub, ci.WorkflowOptions{Branch: branch}); fault.CodeOf(err) != fault.Usage {
			t.Errorf("branch %q: %v", branch, err)
		}
	}
}
