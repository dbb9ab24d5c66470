package terraform

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/hashicorp/terraform-exec/tfexec"

	"infra/internal/fault"
	"infra/internal/supervise"
	"infra/internal/trace"
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
	LockTimeout time.Duration     // how long to wait for the state's lock; 0: fail at once
	Run         string            // id of the run that resources are tagged with when they are made; empty: no tag
	Supervise   supervise.Run     // the run's lease and children
	Progress    func(Progress)
}

// runTag is the environment variable that makes the AWS provider tag what it
// creates with the run's id. The rest of the name is the tag's key. Products
// ignore the tag otherwise (provider.tf), so that it is never a difference.
const runTag = "TF_AWS_DEFAULT_TAGS_infra-run"

// environment is the name of the environment in the stack's name: what a
// person types after a command.
func (w *Workspace) environment() string { return w.Name[strings.LastIndexByte(w.Name, '/')+1:] }

// file is a path in the folder of logs that belongs to this stack.
func (w *Workspace) file(suffix string) string {
	return filepath.Join(w.Logs, strings.ReplaceAll(w.Name, "/", "-")+"-"+suffix)
}

// lockTimeout is LockTimeout as Terraform takes it.
func (w *Workspace) lockTimeout() string { return w.LockTimeout.String() }

// run starts Terraform once, under a supervisor. Every run gets an instance of
// its own, because output streams are set on the instance. Terraform's output
// is appended to a file named after the verb; the supervisor writes it.
func (w *Workspace) run(ctx context.Context, verb string, call func(*tfexec.Terraform, io.Writer) error, d *decoder) error {
	a := attempt{w: w, verb: verb, op: fmt.Sprintf("terraform %s of %s", verb, w.Name), log: w.file(verb + ".jsonl"), d: d}
	tf, err := tfexec.NewTerraform(w.Root, supervise.Program)
	if err != nil {
		return fault.New(fault.Failed, a.op, err, "infra doctor")
	}
	env, err := w.childEnvironment(ctx, a.log)
	if err != nil {
		return fault.New(fault.Failed, a.op, err, "")
	}
	// No limit for what is in flight: a cluster takes half an hour to come up,
	// and a Terraform that is killed has not saved what it made.
	if err := errors.Join(tf.SetEnv(env), tf.SetWaitDelay(0)); err != nil {
		return fault.New(fault.Failed, a.op, err, "")
	}
	d.progress = w.Progress
	if d.progress == nil {
		d.progress = func(Progress) {}
	}
	a.before = w.errored().Look()
	if err := call(tf, d); err != nil {
		return a.explain(ctx, err)
	}
	return nil
}

// errored is what Terraform leaves in the folder of the code when it cannot
// write the state to its backend, and where that is kept.
func (w *Workspace) errored() supervise.Keep {
	const name = "errored.tfstate"
	return supervise.Keep{From: filepath.Join(w.Root, name), To: w.file(name)}
}

// childEnvironment is the environment of the supervisor, which leaves its
// task out and gives the rest to Terraform.
func (w *Workspace) childEnvironment(ctx context.Context, log string) (map[string]string, error) {
	env, err := supervise.Spec{
		Run: w.Supervise, Program: w.Binary, Log: log, Version: Version,
		Keep: []supervise.Keep{w.errored()},
	}.Variables()
	if err != nil {
		return nil, err
	}
	env["TF_DATA_DIR"] = w.DataDir
	maps.Copy(env, w.Environment)
	maps.Copy(env, trace.Carry(ctx))
	if w.Run != "" {
		env[runTag] = w.Run
	}
	return env, nil
}
