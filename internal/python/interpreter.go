package python

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"infra/internal/fault"
)

// Oldest is the oldest Python that the pinned packages run on: Debian 12's.
const Oldest = "3.11"

// probe prints nothing and ends with 0 when the interpreter is new enough and
// can make environments by itself, 3 when it is too old, 4 when it lacks the
// modules (Debian splits them off into python3-venv).
const probe = `
import sys
if sys.version_info < (3, 11): sys.exit(3)
try:
    import venv, ensurepip
    ensurepip.version()
except Exception: sys.exit(4)
`

const (
	tooOld    = 3
	noModules = 4
)

// maker makes environments: an interpreter with its own venv module, or the
// virtualenv program for one without.
type maker struct {
	python     string
	virtualenv string // "" to use the interpreter's venv module
}

func (m maker) String() string {
	if m.virtualenv != "" {
		return m.virtualenv
	}
	return m.python
}

func (m maker) command(ctx context.Context, folder string) *exec.Cmd {
	command := exec.CommandContext(ctx, m.python, "-m", "venv", folder)
	if m.virtualenv != "" {
		command = exec.CommandContext(ctx, m.virtualenv, "--quiet", "--python", m.python, folder)
	}
	command.Env = environment(os.Environ())
	return command
}

func (m maker) hint() string { return getModules }

// Find gives the interpreter that environments are made with.
func Find(ctx context.Context) (string, error) {
	m, err := find(ctx)
	return m.python, err
}

// find looks for a maker on PATH, newest conventional name last: python3 is
// what the machine's owner chose.
func find(ctx context.Context) (maker, error) {
	op := "find Python " + Oldest + " or newer"
	var without string
	var seen []string
	for _, name := range []string{"python3", "python3.11", "python3.12", "python3.13", "python3.14"} {
		path, err := exec.LookPath(name)
		if err != nil {
			continue
		}
		switch code, err := examine(ctx, path); {
		case err != nil:
			return maker{}, fault.New(fault.CodeOf(err), op, err, getPython)
		case code == 0:
			return maker{python: path}, nil
		case code == noModules && without == "":
			without = path
		case code == tooOld:
			seen = append(seen, path+" is too old")
		}
	}
	if without == "" {
		return maker{}, fault.New(fault.Failed, op,
			fmt.Errorf("there is none on PATH %s", strings.Join(seen, ", ")), getPython)
	}
	if program, err := exec.LookPath("virtualenv"); err == nil {
		return maker{python: without, virtualenv: program}, nil
	}
	return maker{}, fault.New(fault.Failed, op,
		fmt.Errorf("%s lacks the modules venv and ensurepip, and there is no virtualenv", without), getPython)
}

// examine gives the exit status of the probe in an interpreter; an error only
// when it could not be asked because the context ended.
func examine(ctx context.Context, path string) (int, error) {
	command := exec.CommandContext(ctx, path, "-I", "-c", probe)
	err := command.Run()
	if ctx.Err() != nil {
		return 0, ctx.Err()
	}
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0, nil
	case errors.As(err, &exit):
		return exit.ExitCode(), nil
	default:
		return -1, nil // not an interpreter that runs here: look on
	}
}
