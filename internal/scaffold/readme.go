package scaffold

import (
	_ "embed"
	"strings"
)

// ignored is the project's .gitignore.
const ignored = `/.infra/
/.infra-init-*/
.ansible/
.terraform/
terraform/layers/*/.terraform.lock.hcl
`

//go:embed readme.template
var readmeText string

// readme is the project's README: what lies where, and what to type.
func (o Order) readme() string {
	return strings.NewReplacer("ENVIRONMENT", o.Draft.Name, "VERSION", o.Version, "BEGIN", strings.Join(o.Next(), "\n")).Replace(readmeText)
}

// Next is the commands that follow, in their order.
func (o Order) Next() []string {
	name := o.Draft.Name
	if !o.Sandbox {
		return []string{"infra doctor " + name, "infra plan " + name, "infra apply " + name}
	}
	up := "sudo infra sandbox up"
	if name != sandboxName {
		up += " --environment " + name
	}
	return []string{up, "infra apply " + name, "infra status " + name}
}
