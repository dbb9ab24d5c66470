package terraform

import (
	"archive/zip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"infra/internal/fault"
	"infra/internal/guard"
)

// PlanOptions narrow or change what a plan looks at.
type PlanOptions struct {
	Out         string   // path of the plan file, empty: none is kept
	Targets     []string // addresses; empty: everything
	Replace     []string // addresses that are made anew whatever the code says
	Destroy     bool
	RefreshOnly bool
	Unlocked    bool // do not take the lock of the state: nothing at all is written
}

// Plan is what a plan would do.
type Plan struct {
	File     string // empty when nothing would change
	SHA256   string // of the file, in hex; empty without one
	Changes  []guard.Change
	Drift    []guard.Change
	Outputs  bool // outputs would change
	Warnings []string
	Took     time.Duration
}

// Empty tells whether applying the plan would change nothing at all.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && !p.Outputs && p.File == "" }

// Plan compares the code with what exists.
func (w *Workspace) Plan(ctx context.Context, o PlanOptions) (Plan, error) {
	started := time.Now()
	opts := []tfexec.PlanOption{tfexec.VarFile(w.Variables), tfexec.Destroy(o.Destroy)}
	switch {
	case o.Unlocked:
		opts = append(opts, tfexec.Lock(false))
	case w.LockTimeout > 0:
		opts = append(opts, tfexec.LockTimeout(w.lockTimeout()))
	}
	if o.Out != "" {
		opts = append(opts, tfexec.Out(o.Out))
	}
	if o.RefreshOnly {
		opts = append(opts, tfexec.RefreshOnly(true))
	}
	if w.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(w.Parallelism))
	}
	for _, target := range o.Targets {
		opts = append(opts, tfexec.Target(target))
	}
	for _, address := range o.Replace {
		opts = append(opts, tfexec.Replace(address))
	}
	d := &decoder{}
	differs := false
	err := w.run(ctx, "plan", func(tf *tfexec.Terraform, out io.Writer) (err error) {
		differs, err = tf.PlanJSON(ctx, out, opts...)
		return err
	}, d)
	if err != nil {
		return Plan{}, err
	}
	p := Plan{Changes: acting(d.changes), Drift: d.drifted, Outputs: d.outputs, Took: time.Since(started)}
	for _, warning := range d.warnings {
		p.Warnings = append(p.Warnings, warning.String())
	}
	if err := d.complete(); err != nil {
		return Plan{}, fault.New(fault.Failed, "read the plan of "+w.Name, err, "df -h "+w.Logs)
	}
	if differs && o.Out != "" {
		digest, err := Digest(o.Out)
		if err = errors.Join(err, whole(o.Out)); err != nil {
			return Plan{}, fault.New(fault.Failed, "keep the plan of "+w.Name, fmt.Errorf("the plan file is not whole, the disk may be full: %w", err), "df -h "+filepath.Dir(o.Out))
		}
		p.File, p.SHA256 = o.Out, digest
	}
	return p, nil
}

// Digest is the SHA-256 of a plan file, in hex.
func Digest(path string) (string, error) {
	file, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = file.Close() }() // only read
	sum := sha256.New()
	if _, err := io.Copy(sum, file); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// whole reads a plan file back. With a full disk Terraform exits 0 and leaves
// an empty file, or half of one; a plan file is a zip archive, whose entries
// carry checksums.
func whole(path string) error {
	archive, err := zip.OpenReader(path)
	if err != nil {
		return err
	}
	defer func() { _ = archive.Close() }() // only read
	found := false
	for _, entry := range archive.File {
		found = found || entry.Name == "tfplan"
		if err := readEntry(entry); err != nil {
			return fmt.Errorf("%s: %w", entry.Name, err)
		}
	}
	if !found {
		return errors.New("it holds no plan")
	}
	return nil
}

func readEntry(entry *zip.File) error {
	content, err := entry.Open()
	if err != nil {
		return err
	}
	defer func() { _ = content.Close() }() // only read
	_, err = io.Copy(io.Discard, content)  //nolint:gosec // G110: Terraform wrote it a moment ago
	return err
}

// acting leaves out what changes nothing.
func acting(changes []guard.Change) []guard.Change {
	var kept []guard.Change
	for _, c := range changes {
		if c.Action != guard.Noop && c.Action != guard.Read {
			kept = append(kept, c)
		}
	}
	return kept
}
