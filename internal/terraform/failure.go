package terraform

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"slices"
	"sort"
	"strings"

	"infra/internal/fault"
	"infra/internal/orphan"
	"infra/internal/supervise"
)

// ErrUnknown is in the error of a run of Terraform that may have done more
// than its state says: it was killed, or cancelled hard. `infra recover` finds
// out.
var ErrUnknown = errors.New("what it did may not all be in the state")

// ErrKilled is in the error of a run of Terraform that was to change nothing
// and did not end by itself: its lock may still be there.
var ErrKilled = errors.New("nothing was changed")

const (
	crashed   = 11  // exit code of a Terraform that has panicked
	signalled = 128 // from here on, the exit code of a program that a signal has ended
)

// attempt is one run of Terraform.
type attempt struct {
	w        *Workspace
	verb, op string // "apply", "terraform apply of pipeline/prod"
	log      string
	before   fs.FileInfo // what stood where Terraform leaves a state that it cannot save
	d        *decoder
}

// changes tells whether the run was to change the state.
func (a attempt) changes() bool {
	return slices.Contains([]string{"apply", "refresh", "mv", "rm", "import"}, a.verb)
}

// explain turns a failed run into one error a person can act on; the raw
// output stays in the log.
func (a attempt) explain(ctx context.Context, err error) error {
	var exit *exec.ExitError
	if errors.As(err, &exit) && supervise.NeverBegan(exit.ProcessState) {
		return a.neverBegan(ctx)
	}
	code, why := a.end(ctx, exit)
	if a.changes() {
		if lost := a.notSaved(); lost != nil {
			return lost
		}
		if why != "" {
			return fault.New(fault.Failed, a.op, fmt.Errorf("%s; %w", why, ErrUnknown), "infra recover "+a.w.environment())
		}
	}
	switch {
	case ctx.Err() != nil:
		return a.interrupted(ctx, a.changes())
	case why != "":
		return fault.New(fault.Failed, a.op, fmt.Errorf("%s; %w", why, ErrKilled), "look at "+a.log+" and "+a.log+".stderr")
	case code == crashed:
		return fault.New(fault.Failed, a.op, errors.New("it has crashed"), "look at "+a.log+".stderr")
	default:
		return a.diagnosed(err)
	}
}

// neverBegan is the end of a run that was interrupted in the moment in which
// Terraform was to be started.
func (a attempt) neverBegan(ctx context.Context) error {
	if ctx.Err() != nil {
		return a.interrupted(ctx, false)
	}
	return fault.New(fault.Failed, a.op, errors.New("a signal has ended it before it began; nothing was changed"), "run the same command again")
}

// end tells with which code Terraform ended, and how, when that was not its
// own decision. exit is nil when it was never started. When its supervisor was
// killed, Terraform goes on: then its end is waited for.
func (a attempt) end(ctx context.Context, exit *exec.ExitError) (code int, why string) {
	if exit != nil {
		code = exit.ExitCode()
	}
	switch {
	case exit != nil && !exit.Exited():
		if waitErr := supervise.Await(ctx, a.w.Supervise.Children, exit.Pid(), a.w.errored(), a.before); waitErr != nil {
			return code, fmt.Sprintf("its supervisor was killed (%v)", waitErr)
		}
		return code, "its supervisor was killed"
	case a.d.fatal:
		return code, "it was cancelled without waiting for what was in flight"
	case code > signalled:
		return code, fmt.Sprintf("it was ended by signal %d", code-signalled)
	case a.changes() && code == crashed:
		return code, "it has crashed"
	case a.changes() && slices.ContainsFunc(a.d.errors, func(e diagnostic) bool { return orphan.LostProvider(e.Summary, e.Detail) }):
		return code, "its provider has died in the middle of a change"
	case a.changes() && code != 0 && a.d.began && len(a.d.errors) == 0:
		return code, fmt.Sprintf("it has ended with code %d and without a word", code)
	default:
		return code, ""
	}
}

// interrupted is what a run ends with whose context has ended: a signal, or
// the loss of the lease. changing says that it may have been at work.
func (a attempt) interrupted(ctx context.Context, changing bool) error {
	text := "nothing was changed"
	if changing {
		text = "what was in flight was finished and the state saved"
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, context.Canceled) {
		return fault.New(fault.Interrupted, a.op, errors.New("interrupted; "+text), "")
	}
	code := fault.Interrupted
	var known *fault.Error
	if errors.As(cause, &known) {
		code = known.Code
	}
	return fault.New(code, a.op, fmt.Errorf("%w; %s", cause, text), "")
}

// diagnosed is a failure that Terraform has explained itself.
func (a attempt) diagnosed(err error) error {
	if len(a.d.errors) == 0 {
		text := strings.TrimSpace(err.Error())
		if _, said, found := strings.Cut(text, "\nError: "); found {
			text = strings.TrimSpace(said) // without the exit code in front
		}
		if held, found := parseLock(text); found {
			return held.locked(a.op, a.w.environment())
		}
		if len(text) > detailLimit {
			text = strings.ToValidUTF8(text[:detailLimit], "") + " …"
		}
		return fault.New(fault.Failed, a.op, errors.New(text), "look at "+a.log)
	}
	hint := "mend the cause, then run the same command again; Terraform's own words are in " + a.log
	texts := make([]string, 0, len(a.d.errors))
	for _, diag := range a.d.errors {
		if held, found := parseLock(diag.Detail); found {
			return held.locked(a.op, a.w.environment())
		}
		if strings.Contains(diag.Detail, "checksums") && strings.Contains(diag.Detail, "dependency lock file") {
			hint = a.w.lockPlatform()
		}
		texts = append(texts, diag.String())
	}
	sort.Strings(texts)
	return fault.New(fault.Failed, a.op, errors.New(strings.Join(texts, "\n")), hint)
}

// notSaved is not nil when Terraform could not write the state. The supervisor
// has put what Terraform left into the run's directory; a Terraform that could
// not even write that file has put the state into its output.
func (a attempt) notSaved() error {
	kept := a.w.errored().To
	_, err := os.Stat(kept)
	if err != nil && a.d.dump != nil {
		err = os.WriteFile(kept, a.d.dump, 0o600)
	}
	var texts []string
	said := false
	for _, diag := range a.d.errors {
		said = said || diag.Summary == "Failed to persist state to backend"
		if !strings.Contains(diag.Detail, "terraform state push") { // infra has a command for that
			texts = append(texts, diag.String())
		}
	}
	why := strings.Join(texts, "\n")
	switch {
	case err == nil:
		return fault.New(fault.StateNotSaved, a.op, fmt.Errorf("the state could not be saved; it is kept in %s\n%s", kept, why),
			"infra state push-errored "+a.w.environment())
	case said:
		return fault.New(fault.Failed, a.op, fmt.Errorf("the state could be written nowhere; %w\n%s", ErrUnknown, why), "infra recover "+a.w.environment())
	default:
		return nil
	}
}

// arguments refuses what Terraform would take for a flag.
func arguments(all ...string) error {
	for _, one := range all {
		if one == "" || strings.HasPrefix(one, "-") {
			return fault.New(fault.Usage, "", fmt.Errorf("%q is no address and no id", one), "infra state --help")
		}
	}
	return nil
}
