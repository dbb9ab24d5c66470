package provision

import (
	"infra/internal/progress"
	"infra/internal/terraform"
)

// watch turns what Terraform tells of a stack into events and lines.
func (p *Platform) watch(stack string) func(terraform.Progress) {
	return func(e terraform.Progress) {
		told := progress.Event{Stack: stack, Address: e.Address, Action: e.Action}
		switch {
		case e.Action == "refresh":
			told.Kind, told.Action = progress.ResourceRead, ""
		case e.State == "start":
			told.Kind = progress.ResourceBegan
			p.con.Detail("%s: %s %s", stack, e.Action, e.Address)
		default:
			told.Kind, told.Seconds, told.Result = progress.ResourceEnded, float64(e.Seconds), progress.OK
			if e.State == "failed" {
				told.Result = progress.Failed
				p.con.Warn("%s: %s of %s failed", stack, e.Action, e.Address)
			} else {
				p.con.Detail("%s: %s of %s done in %ds", stack, e.Action, e.Address, e.Seconds)
			}
		}
		p.tell(told)
	}
}
