package terraform

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"infra/internal/fault"
	"infra/internal/guard"
)

// Workspace is one stack as Terraform sees it: a root module, a data
// directory of its own, variables and backend in files.
type Workspace struct {
	Name        string            // "pipeline/prod", for messages
	Binary      string            // path of terraform
	Root        string            // folder of the root module
	DataDir     string            // TF_DATA_DIR, one a stack
	Logs        string            // folder for Terraform's event streams
	Variables   string            // path of the variable file
	Backend     string            // path of the backend configuration
	Environment map[string]string // whole environment of the child
	Parallelism int               // 0: Terraform's own
	Progress    func(Progress)
}

// PlanOptions narrow or change what a plan looks at.
type PlanOptions struct {
	Out         string   // path of the plan file, empty: none is kept
	Targets     []string // addresses; empty: everything
	Destroy     bool
	RefreshOnly bool
}

// Plan is what a plan would do.
type Plan struct {
	File     string // empty when nothing would change
	Changes  []guard.Change
	Drift    []guard.Change
	Outputs  bool // outputs would change
	Warnings []string
	Took     time.Duration
}

// Empty tells whether applying the plan would change nothing at all.
func (p Plan) Empty() bool { return len(p.Changes) == 0 && !p.Outputs && p.File == "" }

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
	err = w.run(ctx, "init", func(tf *tfexec.Terraform, out io.Writer) error {
		return tf.InitJSON(ctx, out, tfexec.BackendConfig(w.Backend), tfexec.Reconfigure(true))
	}, &decoder{})
	if err != nil {
		return err
	}
	if err := os.WriteFile(mark, []byte(want), 0o600); err != nil {
		return fault.New(fault.Failed, "remember that "+w.Name+" is initialised", err, "")
	}
	return nil
}

// Plan compares the code with what exists.
func (w *Workspace) Plan(ctx context.Context, o PlanOptions) (Plan, error) {
	started := time.Now()
	opts := []tfexec.PlanOption{tfexec.VarFile(w.Variables), tfexec.Destroy(o.Destroy)}
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
	if differs && o.Out != "" {
		info, err := os.Stat(o.Out)
		if err != nil || info.Size() == 0 {
			return Plan{}, fault.New(fault.Failed, "keep the plan of "+w.Name, errors.New("the plan file is empty, the disk may be full"), "df -h "+filepath.Dir(o.Out))
		}
		p.File = o.Out
	}
	return p, nil
}

// Apply does what a plan file says and tells how many resources it touched.
func (w *Workspace) Apply(ctx context.Context, planFile string) (int, error) {
	opts := []tfexec.ApplyOption{tfexec.DirOrPlan(planFile)}
	if w.Parallelism > 0 {
		opts = append(opts, tfexec.Parallelism(w.Parallelism))
	}
	d := &decoder{}
	err := w.run(ctx, "apply", func(tf *tfexec.Terraform, out io.Writer) error {
		return tf.ApplyJSON(ctx, out, opts...)
	}, d)
	if kept := w.keepErroredState(); kept != "" {
		return d.done, fault.New(fault.StateNotSaved, "save the state of "+w.Name, errors.Join(errors.New("Terraform could not write the state; it is kept in "+kept), err),
			"terraform -chdir="+w.Root+" state push "+kept)
	}
	return d.done, err
}

// graceful is how long Terraform may take to stop after an interrupt before
// it is killed: what is in flight must finish and the state be saved.
const graceful = 30 * time.Minute

// run starts Terraform once. Every run gets an instance of its own, because
// output streams are set on the instance.
func (w *Workspace) run(ctx context.Context, verb string, call func(*tfexec.Terraform, io.Writer) error, d *decoder) (err error) {
	op := fmt.Sprintf("terraform %s of %s", verb, w.Name)
	tf, err := tfexec.NewTerraform(w.Root, w.Binary)
	if err != nil {
		return fault.New(fault.Failed, op, err, "infra doctor")
	}
	env := map[string]string{"TF_DATA_DIR": w.DataDir}
	for name, value := range w.Environment {
		env[name] = value
	}
	if err := errors.Join(tf.SetEnv(env), tf.SetWaitDelay(graceful)); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	logPath := filepath.Join(w.Logs, strings.ReplaceAll(w.Name, "/", "-")+"-"+verb+".jsonl")
	log, err := os.OpenFile(logPath, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	d.log, d.progress = log, w.Progress
	if d.progress == nil {
		d.progress = func(Progress) {}
	}
	if callErr := call(tf, d); callErr != nil {
		return w.explain(ctx, op, callErr, d, logPath)
	}
	return nil
}

// explain turns a failed run into one error a person can act on; the raw
// output stays in the log.
func (w *Workspace) explain(ctx context.Context, op string, err error, d *decoder, log string) error {
	if ctx.Err() != nil {
		return fault.New(fault.Interrupted, op, errors.New("interrupted; what was in flight was finished and the state saved"), "")
	}
	if len(d.errors) == 0 {
		text := strings.TrimSpace(err.Error())
		if len(text) > detailLimit {
			text = strings.ToValidUTF8(text[:detailLimit], "") + " …"
		}
		return fault.New(fault.Failed, op, errors.New(text), "look at "+log)
	}
	texts := make([]string, 0, len(d.errors))
	code, hint := fault.Failed, "mend the cause, then run the same command again; Terraform's own words are in "+log
	for _, diag := range d.errors {
		texts = append(texts, diag.String())
		if strings.Contains(diag.Summary, "Error acquiring the state lock") {
			code, hint = fault.Locked, "wait for the other run to end, then try again"
		}
	}
	sort.Strings(texts)
	return fault.New(code, op, errors.New(strings.Join(texts, "\n")), hint)
}

// keepErroredState moves the state that Terraform could not save out of the
// code folder, readable by its owner alone.
func (w *Workspace) keepErroredState() string {
	left := filepath.Join(w.Root, "errored.tfstate")
	data, err := os.ReadFile(left)
	if err != nil {
		return ""
	}
	kept := filepath.Join(w.Logs, strings.ReplaceAll(w.Name, "/", "-")+"-errored.tfstate")
	if err := os.WriteFile(kept, data, 0o600); err != nil {
		return left
	}
	if err := os.Remove(left); err != nil {
		return left
	}
	return kept
}

// initDigest covers all that an init depends on: the code of all modules,
// the lock file, the backend, the CLI configuration and the program.
func (w *Workspace) initDigest() (string, error) {
	sum := sha256.New()
	files := []string{w.Backend, filepath.Join(w.Root, ".terraform.lock.hcl")}
	if config := w.Environment["TF_CLI_CONFIG_FILE"]; config != "" {
		files = append(files, config)
	}
	tree := filepath.Dir(filepath.Dir(w.Root))
	err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() && strings.HasSuffix(path, ".tf") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		return "", err
	}
	_, _ = fmt.Fprintln(sum, w.Binary, Version) // a hash never fails to write
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n", file, len(data))
		_, _ = sum.Write(data)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
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

// Validate checks the code alone, without backend, state or variables. It
// keeps a data directory of its own, since a backend left out must not
// disturb the stack's.
func (w *Workspace) Validate(ctx context.Context) error {
	alone := *w
	alone.DataDir = w.DataDir + "-validate"
	err := alone.run(ctx, "init", func(tf *tfexec.Terraform, out io.Writer) error {
		return tf.InitJSON(ctx, out, tfexec.Backend(false))
	}, &decoder{})
	if err != nil {
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
