package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"infra/internal/fault"
)

// Init makes the data directory ready. It is skipped when nothing that it
// depends on has changed since the last time: a start of Terraform costs
// half a second.
func (w *Workspace) Init(ctx context.Context) error {
	mark := filepath.Join(w.DataDir, "infra-init")
	want, err := w.initDigest()
	if err != nil {
		return fault.New(fault.Failed, "read the Terraform code of "+w.Name, err, "")
	}
	if got, err := os.ReadFile(mark); err == nil && string(got) == want {
		return nil
	}
	if err := os.MkdirAll(w.DataDir, 0o700); err != nil {
		return fault.New(fault.Failed, "make the data directory of "+w.Name, err, "")
	}
	if err := w.initialise(ctx, tfexec.BackendConfig(w.Backend), tfexec.Reconfigure(true)); err != nil {
		return err
	}
	if err := os.WriteFile(mark, []byte(want), 0o600); err != nil {
		return fault.New(fault.Failed, "remember that "+w.Name+" is initialised", err, "")
	}
	return nil
}

// downloads is how often the download of a provider is tried, and downloadWait
// how long before the first repetition; it doubles.
const (
	downloads    = 3
	downloadWait = time.Second
)

// initialise runs `terraform init`. A download that failed is tried again;
// what came and has another checksum than the lock file says is not, and stops
// everything.
func (w *Workspace) initialise(ctx context.Context, opts ...tfexec.InitOption) error {
	unlock, err := takeTurns(ctx, w.Environment["TF_CLI_CONFIG_FILE"])
	if err != nil {
		return fault.New(fault.CodeOf(err), "terraform init of "+w.Name, err, "")
	}
	defer unlock()
	for attempt, wait := 1, downloadWait; ; attempt, wait = attempt+1, 2*wait {
		d := &decoder{}
		err := w.run(ctx, "init", func(tf *tfexec.Terraform, out io.Writer) error { return tf.InitJSON(ctx, out, opts...) }, d)
		if err == nil || ctx.Err() != nil || attempt == downloads || !d.notDownloaded() {
			return err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			// Once more: what ended the context becomes the error.
		}
	}
}

// notDownloaded tells whether nothing failed but getting a provider.
func (d *decoder) notDownloaded() bool {
	for _, diag := range d.errors {
		switch diag.Summary {
		case "Failed to query available provider packages", "Failed to install provider", "Failed to install providers":
		default:
			return false
		}
		if strings.Contains(diag.Detail, "checksum") {
			return false
		}
	}
	return len(d.errors) > 0
}

// Validate checks the code alone, without backend, state or variables. It
// keeps a data directory of its own, since a backend left out must not
// disturb the stack's.
func (w *Workspace) Validate(ctx context.Context) error {
	alone := *w
	alone.DataDir = w.DataDir + "-validate"
	if err := alone.initialise(ctx, tfexec.Backend(false)); err != nil {
		return err
	}
	return alone.run(ctx, "validate", func(tf *tfexec.Terraform, _ io.Writer) error {
		checked, err := tf.Validate(ctx)
		if err != nil || checked.Valid {
			return err
		}
		var problems []string
		for _, d := range checked.Diagnostics {
			place := ""
			if d.Range != nil {
				place = fmt.Sprintf("%s:%d: ", d.Range.Filename, d.Range.Start.Line)
			}
			problems = append(problems, place+d.Summary+": "+firstParagraphs(d.Detail))
		}
		return errors.New(strings.Join(problems, "\n"))
	}, &decoder{})
}
