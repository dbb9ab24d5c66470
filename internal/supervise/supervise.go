// Package supervise runs a tool (Terraform, Ansible) so that it outlives
// whoever asked for it. infra starts itself once more in place of the tool, as
// its supervisor. The supervisor keeps the tool away from what would kill it in
// the middle of its work (a closed terminal, a closed pipe, the death of
// infra), passes one interrupt on, and when infra is gone it interrupts the
// tool once, keeps the run's lease until the tool has saved its work, and only
// then gives the lease back.
package supervise

import (
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"
	"time"
)

// Variable is the environment variable that makes infra a supervisor. It holds
// a Spec as JSON and never reaches the tool.
const Variable = "INFRA_SUPERVISE"

// outliving is set, in the environment, for a supervisor that has started
// itself anew and outlives infra already.
const outliving = "INFRA_SUPERVISE_OUTLIVES"

// Run is what a supervisor must know about the run that it belongs to.
type Run struct {
	Lease    string // path of the file that describes the run's lease; empty: the run has none
	Children string // folder where <pid>.json names each tool and supervisor that runs; empty: nowhere
}

// Spec is the task of one supervisor.
type Spec struct {
	Run
	Program string        // path of the tool
	Log     string        // what the tool says is appended here, its errors to Log + ".stderr"; both 0600
	Group   bool          // interrupt the tool's whole process group, and leave nothing of it behind then
	Grace   time.Duration // how long the tool may go on after an interrupt before it is killed; 0: for ever
	Keep    []Keep        // files that the tool may leave behind
	Version string        // answers `version -json` without a start of the tool; empty: the tool is asked

	// Parent is the process id of whoever started the supervisor; Variables sets it.
	Parent int
}

// collector is the variable that tells a Go program how often to collect
// garbage.
const collector = "GOGC"

// Variables are what the environment of Program must have, besides what the
// tool is to get, for a supervisor that this process starts.
func (s Spec) Variables() (map[string]string, error) {
	s.Parent = os.Getpid()
	data, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("describe the supervisor's task: %w", err)
	}
	// A third of a supervisor's start would be the collection of garbage that
	// libraries make while they initialise; Main turns it on again.
	return map[string]string{Variable: string(data), collector: "off"}, nil
}

// Main is the supervisor. It must be called before anything else by every
// program that starts Program, tests included; supervised is false when this
// process is no supervisor. The exit code is the tool's own; 128 and more for
// a tool that a signal has ended.
func Main(args []string) (code int, supervised bool) {
	value, supervised := os.LookupEnv(Variable)
	if !supervised {
		return 0, false
	}
	if err := outlive(); err != nil { // before anything that may change the thread
		complain(os.Stderr, "%v", err)
		return cannotStart, true
	}
	debug.SetGCPercent(100)
	var spec Spec
	if err := json.Unmarshal([]byte(value), &spec); err != nil {
		complain(os.Stderr, "read the supervisor's task: %v", err)
		return cannotStart, true
	}
	return spec.supervise(args), true
}
