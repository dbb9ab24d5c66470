package terraform

import (
	"context"
	"io"

	"github.com/hashicorp/terraform-exec/tfexec"
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
