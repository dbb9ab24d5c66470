package terraform

import (
	"context"
	"io"
	"maps"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"infra/internal/fault"
)

// Show is a plan file in Terraform's own words, without colours. Sensitive
// values are not in it.
func (w *Workspace) Show(ctx context.Context, file string) (text string, err error) {
	err = w.run(ctx, "show", func(tf *tfexec.Terraform, _ io.Writer) (err error) {
		text, err = tf.ShowPlanFileRaw(ctx, file)
		return err
	}, &decoder{})
	return text, err
}

// read is a plan file as data. The plan holds secrets in clear, so that it is
// read from the program's output and goes into no log. Nothing in the file is
// carried out: Terraform starts the providers that the workspace has, for their
// schemas, and asks nobody else.
func (w *Workspace) read(ctx context.Context, file string) (*tfjson.Plan, error) {
	op := "read the plan of " + w.Name
	tf, err := tfexec.NewTerraform(w.Root, w.Binary)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra doctor")
	}
	env := maps.Clone(w.Environment)
	env["TF_DATA_DIR"] = w.DataDir
	if err := tf.SetEnv(env); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	// A number that is read as a binary fraction may equal one that it is not.
	plan, err := tf.ShowPlanFile(ctx, file, tfexec.JSONNumber(true))
	if ctx.Err() != nil {
		return nil, fault.New(fault.Interrupted, op, context.Cause(ctx), "")
	}
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra doctor")
	}
	return plan, nil
}
