// Package ansible runs playbooks and tells what happened on which host. It
// is the only importer of go-ansible.
package ansible

import (
	"context"
	_ "embed" // the callback
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/apenella/go-ansible/v2/pkg/execute"
	"github.com/apenella/go-ansible/v2/pkg/playbook"

	"infra/internal/fault"
	"infra/internal/supervise"
)

// Playbook is one run of ansible-playbook.
type Playbook struct {
	Bin         string // folder of the ansible programs
	Project     string // folder that holds ansible/
	Dir         string // the run's directory: configuration and logs go there
	File        string // path of the playbook
	Inventory   string // path of the inventory
	SSHConfig   string // path of the ssh configuration that reaches the hosts
	Variables   string // path of a JSON file of extra variables, may be empty
	Limit       []string
	Check       bool // look only, change nothing
	Environment []string
	Expected    []string // hosts that the playbook must reach
	Supervise   supervise.Run
	Name        func(host string) string
	Progress    func(Progress)
}

// Progress is one thing that happened: exactly one field is set.
type Progress struct {
	Play    string
	Task    string
	Begun   *Begun
	Skipped *Begun // what began on that host was nothing to do there
	Failure *Failure
	Outcome *Outcome
}

// Result is what a playbook did.
type Result struct {
	Recaps   map[string]Recap // by host
	Changes  []Change
	Failures []Failure
	Unknown  []string // hosts that an interrupted playbook had begun to work on, sorted: nobody knows how far it came
	Took     time.Duration
}

// Changed is the number of changed tasks over all hosts.
func (r Result) Changed() int {
	n := 0
	for _, recap := range r.Recaps {
		n += recap.Changed
	}
	return n
}

// callback is what tells on which host a task begins. It is written to the run's
// directory: beside it Python leaves what it has compiled, which must not make a
// checkout look changed; the folder for that is made here to be nobody else's.
//
//go:embed started.py
var callback []byte

func (p Playbook) callbacks() string { return filepath.Join(p.Dir, "callbacks") }

// forks is how many hosts Ansible works on at once.
const forks = 10

// Run runs the playbook. The result is filled as far as the run came, also
// when an error is returned.
func (p Playbook) Run(ctx context.Context) (res Result, err error) {
	started := time.Now()
	op := "configure the hosts with " + filepath.Base(p.File)
	config := filepath.Join(p.Dir, "ansible.cfg")
	err = errors.Join(os.WriteFile(config, []byte(p.config()), 0o600), os.MkdirAll(filepath.Join(p.callbacks(), "__pycache__"), 0o700),
		os.WriteFile(filepath.Join(p.callbacks(), "started.py"), callback, 0o600))
	if err != nil {
		return Result{}, fault.New(fault.Failed, op, err, "")
	}
	logPath := filepath.Join(p.Dir, "ansible.jsonl")
	own, err := supervise.Spec{Run: p.Supervise, Program: filepath.Join(p.Bin, program), Log: logPath, Group: true, Grace: grace}.Variables()
	if err != nil {
		return Result{}, fault.New(fault.Failed, op, err, "")
	}
	listen := &listener{result: &res, progress: p.Progress, begun: map[string]bool{}}
	if listen.progress == nil {
		listen.progress = func(Progress) {}
	}
	start := &starter{dir: p.Project, env: append(slices.Clone(p.Environment), "ANSIBLE_CONFIG="+config)}
	for name, value := range own {
		start.env = append(start.env, name+"="+value)
	}
	runErr := execute.NewDefaultExecute(
		execute.WithCmd(p.command()),
		execute.WithExecutable(start),
		execute.WithOutput(output{listen}),
		execute.WithWrite(io.Discard), execute.WithWriteError(io.Discard), // it would write about an interrupt there
	).Execute(ctx)
	runErr = errors.Join(runErr, start.finish())
	res.Took = time.Since(started)
	res.settle(listen.inFlight(p.Expected))
	err = p.judge(ctx, op, &res, runErr, listen.noise, logPath)
	return res, err
}

// judge turns the end of a run into an error for people. go-ansible's own
// error holds every variable in clear and is never shown.
func (p Playbook) judge(ctx context.Context, op string, res *Result, runErr error, noise []string, log string) error {
	if ctx.Err() != nil {
		return p.interrupted(ctx, op, res)
	}
	problem := res.problem(p.Expected, p.Name)
	if problem == nil && runErr != nil {
		problem = errors.New(complaint(noise))
	}
	if problem == nil {
		return nil
	}
	return fault.New(fault.Hosts, op, problem, "mend the cause, then run the same command again; Ansible's own words are in "+log)
}

// interrupted is what a playbook ends with whose context has ended: a signal,
// or the loss of the lease.
func (p Playbook) interrupted(ctx context.Context, op string, res *Result) error {
	text := "no host was being worked on"
	if len(res.Unknown) > 0 {
		names := make([]string, len(res.Unknown))
		for i, host := range res.Unknown {
			names[i] = p.Name(host)
		}
		text = "how far it came is not known for " + strings.Join(names, ", ")
	}
	code, cause := fault.Interrupted, context.Cause(ctx)
	var known *fault.Error
	switch {
	case errors.Is(cause, context.Canceled):
		cause = errors.New("interrupted")
	case errors.As(cause, &known):
		code = known.Code
	}
	return fault.New(code, op, fmt.Errorf("%w; %s", cause, text), "run the same command again")
}

// complaint is what Ansible said outside of events, cut to its last lines.
func complaint(noise []string) string {
	var said []string
	for _, line := range noise {
		if !strings.HasPrefix(line, "[WARNING]") && !strings.HasPrefix(line, "[DEPRECATION") {
			said = append(said, line)
		}
	}
	const most = 12
	if len(said) > most {
		said = said[len(said)-most:]
	}
	if len(said) == 0 {
		return "ansible-playbook failed without a word"
	}
	return strings.Join(said, "\n")
}

// program is the one that runs playbooks.
const program = "ansible-playbook"

// command is the command line of the supervisor: that of Ansible, with another
// program in front.
func (p Playbook) command() execute.Commander {
	options := &playbook.AnsiblePlaybookOptions{Inventory: p.Inventory, Limit: strings.Join(p.Limit, ","), Check: p.Check, Diff: p.Check}
	if p.Variables != "" {
		options.ExtraVarsFile = []string{"@" + p.Variables}
	}
	return playbook.NewAnsiblePlaybookCmd(
		playbook.WithBinary(supervise.Program),
		playbook.WithPlaybooks(p.File),
		playbook.WithPlaybookOptions(options),
	)
}

// config is the ansible.cfg of a run: one place for what go-ansible offers
// 235 option functions for.
func (p Playbook) config() string {
	tree := filepath.Join(p.Project, "ansible")
	return fmt.Sprintf(`[defaults]
forks = %d
timeout = 30
gathering = explicit
roles_path = %s
collections_path = %s
local_tmp = %s
stdout_callback = ansible.posix.jsonl
callback_plugins = %s
callbacks_enabled = started
host_key_checking = True
no_target_syslog = True
retry_files_enabled = False
interpreter_python = /usr/bin/python3
inject_facts_as_vars = False
error_on_undefined_vars = True
duplicate_dict_key = error
display_skipped_hosts = False
nocows = True
nocolor = True
system_warnings = False
deprecation_warnings = False
localhost_warning = False

[inventory]
host_pattern_mismatch = ignore
enable_plugins = ansible.builtin.yaml
any_unparsed_is_failed = True
unparsed_is_failed = True

[privilege_escalation]
become = True
become_method = ansible.builtin.sudo
become_flags = -H -S -n

[ssh_connection]
pipelining = True
ssh_args = -F %s
retries = 2
transfer_method = piped
`, forks, filepath.Join(tree, "roles"), filepath.Join(tree, "collections"), filepath.Join(p.Dir, "ansible-tmp"), p.callbacks(), p.SSHConfig)
}
