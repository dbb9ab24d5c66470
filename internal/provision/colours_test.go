package provision

import (
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/guard"
)

func TestGuardClusters(t *testing.T) {
	t.Parallel()
	made := guard.Change{Type: "aws_emr_cluster", Action: guard.Create, Address: `module.emr.aws_emr_cluster.this["green"]`}
	kept := made
	kept.Action = guard.Update
	for name, test := range map[string]struct {
		settings string
		change   guard.Change
		code     fault.Code
		says     string
	}{
		"later than all that is known": {"release: emr-7.99.0", made, fault.OK, ""},
		"ended":                        {"release: emr-7.5.0", made, fault.Refused, "standard support of emr-7.5.0 ended"},
		"ended, allowed":               {"release: emr-7.5.0, allow_unsupported: true", made, fault.OK, ""},
		"ended, nothing is made":       {"release: emr-7.5.0", kept, fault.OK, ""},
		"ended, something else is":     {"release: emr-7.5.0", guard.Change{Type: "aws_instance", Action: guard.Create}, fault.OK, ""},
	} {
		project := t.TempDir()
		if err := os.CopyFS(filepath.Join(project, "environments"), os.DirFS("../../environments")); err != nil {
			t.Fatal(err)
		}
		text := "extends: sandbox\nproducts:\n  pipeline:\n    vpc: {cidr: 10.79.0.0/16}\n    emr: {" + test.settings + "}\n"
		if err := os.WriteFile(filepath.Join(project, "environments", "here.yaml"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		env, err := environment.Load(project, "here")
		if err != nil {
			t.Fatal(err)
		}
		p := &Platform{Env: env, con: console.New(strings.NewReader(""), io.Discard, io.Discard, console.Options{})}
		plans := &Plans{Stacks: []*StackPlan{{}}}
		plans.Stacks[0].Changes = []guard.Change{test.change}
		if err := p.guardClusters(plans); fault.CodeOf(err) != test.code || test.says != "" && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
