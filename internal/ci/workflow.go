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
	//go:embed gitlab.yml
	gitlabWorkflow string
)

// WorkflowOptions fill a workflow in.
type WorkflowOptions struct {
	Branch   string // whose pushes are applied
	Emulated bool   // also environments of an emulator
}

// Flags are those that the options add to infra's commands.
func (o WorkflowOptions) Flags() string {
	if o.Emulated {
		return " --emulated"
	}
	return ""
}

// Workflow is the file of a service's pipeline: its name, relative to the
// project, and its text.
func Workflow(service Service, o WorkflowOptions) (name, text string, err error) {
	// It becomes a part of YAML and of conditions.
	if !regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._/-]{0,200}$`).MatchString(o.Branch) {
		return "", "", fault.New(fault.Usage, "write the workflow", fmt.Errorf("%q is no name of a branch that a workflow can have", o.Branch), "infra ci init "+string(service)+" --branch main")
	}
	name, source := ".github/workflows/infra.yml", githubWorkflow
	if service == GitLab {
		name, source = ".gitlab-ci.yml", gitlabWorkflow
	}
	made, err := template.New(name).Delims("[[", "]]").Option("missingkey=error").Parse(source)
	if err != nil {
		return "", "", fmt.Errorf("read the template of %s: %w", name, err)
	}
	var b strings.Builder
	if err := made.Execute(&b, o); err != nil {
		return "", "", fmt.Errorf("fill in %s: %w", name, err)
	}
	return name, b.String(), nil
}
