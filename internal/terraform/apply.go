package terraform

import (
	"context"
	"fmt"
	"io"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// Apply does what a plan file says and tells how many resources it touched.
// ErrUnknown is in the error when the state may not hold all that was done.
func (w *Workspace) Apply(ctx context.Context, planFile string) (int, error) {
	return w.apply(ctx, "apply", tfexec.DirOrPlan(planFile))
}

// Refresh writes into the state what is really there, and changes nothing
// else. A state that does not exist yet stays away.
func (w *Workspace) Refresh(ctx context.Context) error {
	_, err := w.apply(ctx, "refresh", tfexec.RefreshOnly(true), tfexec.VarFile(w.Variables))
	return err
}

func (w *Workspace) apply(ctx context.Context, verb string, opts ...tfexec.ApplyOption) (int, error) {
	if w.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(w.Parallelism))
	}
	if w.LockTimeout > 0 {
		opts = append(opts, tfexec.LockTimeout(w.lockTimeout()))
	}
	d := &decoder{}
	err := w.run(ctx, verb, func(tf *tfexec.Terraform, out io.Writer) error {
		return tf.ApplyJSON(ctx, out, opts...)
	}, d)
	return d.done, err
}

// Move gives what the state has at one address another address, without
// touching the thing itself. The lock of the state is Terraform's own.
func (w *Workspace) Move(ctx context.Context, from, to string) error {
	if err := arguments(from, to); err != nil {
		return err
	}
	opts := []tfexec.StateMvCmdOption{tfexec.Backup(w.file("mv.backup"))}
	if w.LockTimeout > 0 {
		opts = append(opts, tfexec.LockTimeout(w.lockTimeout()))
	}
	return w.run(ctx, "mv", func(tf *tfexec.Terraform, out io.Writer) error {
		tf.SetStdout(out)
		return tf.StateMv(ctx, from, to, opts...)
	}, &decoder{})
}

// Remove makes the state forget addresses; what they name stays where it is.
// Terraform is started once an address, so after an error those before it are
// gone from the state.
func (w *Workspace) Remove(ctx context.Context, addresses []string) error {
	if err := arguments(addresses...); err != nil {
		return err
	}
	for i, address := range addresses {
		opts := []tfexec.StateRmCmdOption{tfexec.Backup(w.file(fmt.Sprintf("rm-%d.backup", i+1)))}
		if w.LockTimeout > 0 {
			opts = append(opts, tfexec.LockTimeout(w.lockTimeout()))
		}
		err := w.run(ctx, "rm", func(tf *tfexec.Terraform, out io.Writer) error {
			tf.SetStdout(out)
			return tf.StateRm(ctx, address, opts...)
		}, &decoder{})
		if err != nil {
			return err
		}
	}
	return nil
}

// Import takes a thing that exists into the state. address must be in the
// code; id is what the provider knows the thing by.
func (w *Workspace) Import(ctx context.Context, address, id string) error {
	if err := arguments(address, id); err != nil {
		return err
	}
	opts := []tfexec.ImportOption{tfexec.VarFile(w.Variables), tfexec.Backup(w.file("import.backup"))}
	if w.LockTimeout > 0 {
		opts = append(opts, tfexec.LockTimeout(w.lockTimeout()))
	}
	return w.run(ctx, "import", func(tf *tfexec.Terraform, out io.Writer) error {
		tf.SetStdout(out)
		return tf.Import(ctx, address, id, opts...)
	}, &decoder{})
}
