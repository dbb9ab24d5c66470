// Package doctor checks what infra needs on this machine and, for an
// environment, of its account and on the way to its hosts. Every finding comes
// with the command that mends it. What an account must offer before it is
// installed into, package preflight knows: it is asked here, too.
package doctor

import (
	"context"
	"os"
	"runtime"
	"time"

	"infra/internal/cidr"
	"infra/internal/debian"
	"infra/internal/environment"
	"infra/internal/preflight"
	"infra/internal/python"
	"infra/internal/terraform"
)

// Schema is the kind and version of the document that `infra doctor --output
// json` prints. Readers must ignore members that they do not know.
const Schema = "infra/doctor/v2"

// State is what a check came to.
type State string

// The states, from the best to the worst.
const (
	OK      State = "ok"
	Warn    State = "warn"    // it may do; somebody should know
	Unknown State = "unknown" // it could not be asked, which is not the same as fine
	Fail    State = "fail"    // something that infra needs is not so
)

// Finding is the result of one check.
type Finding struct {
	Check  string `json:"check"`
	State  State  `json:"state"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // the command to type, or what to change
}

// Document is the infra/doctor/v2 document.
type Document struct {
	Schema      string        `json:"schema"`
	Environment string        `json:"environment"` // empty: the machine alone
	Healthy     bool          `json:"healthy"`     // nothing failed
	Counts      map[State]int `json:"counts"`
	Findings    []Finding     `json:"findings"`
}

// Report makes the document. env may be nil.
func Report(env *environment.Environment, findings []Finding) Document {
	d := Document{Schema: Schema, Counts: map[State]int{OK: 0, Warn: 0, Unknown: 0, Fail: 0}, Findings: findings}
	if env != nil {
		d.Environment = env.Name()
	}
	for _, f := range findings {
		d.Counts[f.State]++
	}
	d.Healthy = d.Counts[Fail] == 0
	return d
}

// Subject is what is examined.
type Subject struct {
	Project string
	Env     *environment.Environment // nil: the machine alone
	Taken   []cidr.Taken             // networks that the environment must not overlap, as files know them
}

// check makes one or several findings that belong together.
type check func(context.Context) []Finding

// one is a check that makes a single finding.
func one(look func(context.Context) Finding) check {
	return func(ctx context.Context) []Finding { return []Finding{look(ctx)} }
}

const (
	limit      = 3 * time.Minute // for each check
	sideBySide = 6
)

// Examine makes all checks, whatever the others find. The order of the
// findings is always the same.
func Examine(ctx context.Context, s Subject) []Finding {
	checks := []check{
		one(s.terraform), one(s.providers), one(s.python), one(s.ansible), one(openssh), one(gitProgram), one(s.packer), one(s.folder), one(s.disk), one(memory),
	}
	checks = append(checks, machineChecks()...)
	if s.Env != nil {
		checks = append(checks, s.ofEnvironment()...)
	}
	return preflight.Together(ctx, checks, sideBySide, limit)
}

// ofEnvironment are the checks of an environment: its account, and the way to
// its hosts.
func (s Subject) ofEnvironment() []check {
	var checks []check
	if s.Env.Emulated() {
		checks = append(checks, one(s.sandboxNeeds), one(s.sandboxPort))
	}
	if s.Env.Pipeline().VPC.Access == "ssm" && !s.Env.Emulated() {
		checks = append(checks, one(awsProgram), one(sessionManager))
	}
	return append(checks, one(s.clockBeside), s.cloud)
}

// Install installs what plan and apply would install at their first run:
// Terraform, Ansible, and the emulator of the sandbox; and, for root, the
// terminal that tests of what people see need.
func Install(ctx context.Context, project string, progress func(string)) error {
	if _, err := terraform.Install(ctx, project, progress); err != nil {
		return err
	}
	for _, name := range []string{"ansible", "moto"} {
		if _, err := python.Ensure(ctx, project, name, progress); err != nil {
			return err
		}
	}
	if os.Geteuid() == 0 && runtime.GOOS == "linux" {
		return debian.Programs{"tmux": "tmux"}.Install(ctx, progress)
	}
	return nil
}
