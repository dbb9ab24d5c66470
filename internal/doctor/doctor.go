// Package doctor checks what infra needs on this machine and, for an
// environment, in its account. Every finding comes with the command that
// mends it.
package doctor

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"

	"infra/internal/account"
	"infra/internal/debian"
	"infra/internal/environment"
	"infra/internal/guard"
	"infra/internal/python"
	"infra/internal/sandbox"
	"infra/internal/state"
	"infra/internal/terraform"
)

// Finding is the result of one check.
type Finding struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // the command to type when not OK
}

// Examine checks the machine, and the environment's account when env is not
// nil. The order of the findings is always the same.
func Examine(ctx context.Context, project string, env *environment.Environment) []Finding {
	checks := []func(context.Context) Finding{
		func(ctx context.Context) Finding { return terraformProgram(ctx, project) },
		func(context.Context) Finding { return providers() },
		func(context.Context) Finding { return ansiblePrograms(project) },
		func(context.Context) Finding {
			return program("ssh", "OpenSSH client", "apt-get install openssh-client")
		},
		func(context.Context) Finding { return writable(project) },
	}
	if env != nil {
		if env.Emulated() {
			checks = append(checks, func(context.Context) Finding { return sandboxNeeds() })
		}
		checks = append(checks,
			func(ctx context.Context) Finding { return credentials(ctx, env) },
			func(ctx context.Context) Finding { return bucket(ctx, env) })
	}
	findings := make([]Finding, len(checks))
	var wait sync.WaitGroup
	for i, check := range checks {
		wait.Go(func() { findings[i] = check(ctx) })
	}
	wait.Wait()
	return findings
}

// watchers are programs that tests look through as people do: a terminal, and a
// browser.
func watchers() debian.Programs { return debian.Programs{"tmux": "tmux", "chromium": "chromium"} }

// Install installs what plan and apply would install at their first run:
// Terraform, Ansible, and the emulator of the sandbox; and, for root, the
// programs that tests of what people see need.
func Install(ctx context.Context, project string, progress func(string), output func() io.Writer) error {
	if _, err := terraform.Install(ctx, project, progress); err != nil {
		return err
	}
	for _, name := range []string{"ansible", "moto"} {
		if _, err := python.Ensure(ctx, project, name, output()); err != nil {
			return err
		}
	}
	if os.Geteuid() == 0 {
		return watchers().Install(ctx, progress)
	}
	return nil
}

func terraformProgram(ctx context.Context, project string) Finding {
	f := Finding{Check: "Terraform " + terraform.Version}
	path, err := terraform.Find(ctx, project)
	if err != nil {
		f.Detail, f.Mend = "not installed; the first plan downloads it", "infra validate"
		return f
	}
	f.OK, f.Detail = true, path
	return f
}

func providers() Finding {
	f := Finding{Check: "Terraform providers", OK: true, Detail: "from the registry"}
	if mirror := terraform.Mirror(terraform.MirrorPlaces()); mirror != "" {
		f.Detail = "offline mirror " + mirror
	}
	return f
}

func ansiblePrograms(project string) Finding {
	f := Finding{Check: "Ansible"}
	if bin, ok := python.Installed(project, "ansible"); ok {
		f.OK, f.Detail = true, bin
		return f
	}
	if _, err := exec.LookPath("python3"); err != nil {
		f.Detail, f.Mend = "python3 is not on PATH", "apt-get install python3 python3-venv"
		return f
	}
	f.OK, f.Detail = true, "not installed yet; the first apply installs it into .infra/python"
	return f
}

func program(name, what, mend string) Finding {
	f := Finding{Check: what}
	path, err := exec.LookPath(name)
	if err != nil {
		f.Detail, f.Mend = name+" is not on PATH", mend
		return f
	}
	f.OK, f.Detail = true, path
	return f
}

func writable(project string) Finding {
	f := Finding{Check: "project folder", Detail: project}
	dir := filepath.Join(project, ".infra")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		f.Detail, f.Mend = err.Error(), "chown -R \"$USER\" "+project
		return f
	}
	f.OK = true
	return f
}

func sandboxNeeds() Finding {
	f := Finding{Check: "sandbox: root and packages"}
	missing := sandbox.MissingPackages()
	switch {
	case os.Geteuid() != 0:
		f.Detail, f.Mend = "a sandbox needs root", "sudo infra sandbox up"
	case len(missing) > 0:
		f.OK, f.Detail = true, "infra sandbox up installs "+strings.Join(missing, " ")
	default:
		f.OK, f.Detail = true, "all there"
	}
	return f
}

func credentials(ctx context.Context, env *environment.Environment) Finding {
	f := Finding{Check: "AWS account of " + env.Name()}
	target := account.TargetOf(env)
	cfg, err := account.Config(ctx, target)
	if err != nil {
		f.Detail, f.Mend = err.Error(), "aws configure"
		return f
	}
	caller, err := account.Caller(ctx, cfg, target)
	if err != nil {
		f.Detail, f.Mend = err.Error(), "aws sts get-caller-identity"
		if env.Emulated() {
			f.Mend = "infra sandbox up"
		}
		return f
	}
	err = guard.Account(
		guard.Target{Environment: env.Name(), File: env.File(), Account: env.Account(), Region: env.Region(), Partition: env.Partition()},
		guard.Identity{Account: caller.Account, ARN: caller.ARN, Region: caller.Region})
	if err != nil {
		f.Detail, f.Mend = err.Error(), "use credentials of account "+env.Account()
		return f
	}
	f.OK, f.Detail = true, fmt.Sprintf("%s as %s", caller.Account, caller.ARN)
	return f
}

func bucket(ctx context.Context, env *environment.Environment) Finding {
	f := Finding{Check: "state bucket of " + env.Name(), Mend: "infra bootstrap " + env.Name()}
	cfg, err := account.Config(ctx, account.TargetOf(env))
	if err != nil {
		f.Detail = err.Error()
		return f
	}
	exists, err := state.NewBucket(cfg, env.StateBucket(), env.Account(), env.Emulated(), nil).Exists(ctx)
	switch {
	case err != nil:
		f.Detail = err.Error()
	case !exists:
		f.Detail = env.StateBucket() + " does not exist yet"
	default:
		f.OK, f.Detail, f.Mend = true, env.StateBucket(), ""
	}
	return f
}
