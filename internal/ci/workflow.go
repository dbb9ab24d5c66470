package ci

import (
	_ "embed"
	"fmt"
	"regexp"
	"strings"
	"text/template"

	"infra/internal/fault"
)

// The workflows, with [[ ]] around what is filled in: {{ }} is the services'
// own.
var (
	//go:embed github.yml
	githubWorkflow string
	//go:embed github-drift.yml
	githubDrift string
	//go:embed gitlab.yml
	gitlabWorkflow string
)

// WorkflowOptions fill a workflow in.
type WorkflowOptions struct {
	Branch   string // whose pushes are applied
	Emulated bool   // also environments of an emulator

	Variables []string // whose values notifications need: secrets of the repository
}

// Flags are those that the options add to infra's commands.
func (o WorkflowOptions) Flags() string {
	if o.Emulated {
		return " --emulated"
	}
	return ""
}

// File is a file of a pipeline.
type File struct {
	Name string // relative to the project, with slashes
	Text string
}

// Workflow are the files of a service's pipeline.
func Workflow(service Service, o WorkflowOptions) ([]File, error) {
	// It becomes a part of YAML and of conditions.
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$`).MatchString(o.Branch) {
		return nil, fault.New(fault.Usage, "write the workflow", fmt.Errorf("%q is no name of a branch that a workflow can have", o.Branch), "infra ci init "+string(service)+" --branch main")
	}
	files := []File{{".github/workflows/infra.yml", githubWorkflow}, {".github/workflows/infra-drift.yml", githubDrift}}
	if service == GitLab {
		files = []File{{".gitlab-ci.yml", gitlabWorkflow}}
	}
	for i, file := range files {
		made, err := template.New(file.Name).Delims("[[", "]]").Option("missingkey=error").Parse(file.Text)
		if err != nil {
			return nil, fmt.Errorf("read the template of %s: %w", file.Name, err)
		}
		var b strings.Builder
		if err := made.Execute(&b, o); err != nil {
			return nil, fmt.Errorf("fill in %s: %w", file.Name, err)
		}
		files[i].Text = b.String()
	}
	return files, nil
}
