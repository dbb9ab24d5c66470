// Package packer drives HashiCorp Packer, where it is on PATH, to make the image
// of hosts from the template in ansible/image.
package packer

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/supervise"
)

// Template is where the template lies in a project.
const Template = "ansible/image/hosts.pkr.hcl"

// grace is how long Packer may take to remove its host when it is interrupted.
const grace = 15 * time.Minute

// Variables are those that the template declares.
type Variables struct {
	Name            string            `json:"name"`
	Environment     string            `json:"environment"`
	Region          string            `json:"region"`
	Endpoint        string            `json:"endpoint"`
	Base            string            `json:"base"`
	RootDevice      string            `json:"root_device"`
	RootGB          int32             `json:"root_gb"`
	User            string            `json:"user"`
	AllowedCIDRs    []string          `json:"allowed_cidrs"`
	Upgrade         bool              `json:"upgrade"`
	Ansible         string            `json:"ansible"`
	PlaybookCommand string            `json:"playbook_command"`
	Manifest        string            `json:"manifest"`
	Tags            map[string]string `json:"tags"`
	BuilderTags     map[string]string `json:"builder_tags"`
}

// write makes the file that Packer reads them from.
func (v Variables) write(path string) error {
	if v.AllowedCIDRs == nil {
		v.AllowedCIDRs = []string{} // Packer takes no null for a list
	}
	data, err := json.Marshal(v)
	if err != nil {
		return err
	}
	return os.WriteFile(path, data, 0o600)
}

// Build is one run of Packer.
type Build struct {
	Project     string
	Dir         string   // the run's directory: variables, manifest and log go there
	Environment []string // all that Packer gets to see
	Supervise   supervise.Run
	Log         io.Writer // gets what Packer says
}

// Run makes the image and gives its id.
func (b Build) Run(ctx context.Context, v Variables) (id string, err error) {
	op := "make the image " + v.Name
	bin, err := Find()
	if err != nil {
		return "", fault.New(fault.Failed, op, err, fault.HintOf(err))
	}
	v.Manifest = filepath.Join(b.Dir, "image.json")
	variables := filepath.Join(b.Dir, "image.pkrvars.json")
	if err := v.write(variables); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	template := filepath.Join(b.Project, filepath.FromSlash(Template))
	if err := b.plugins(ctx, bin, template); err != nil {
		return "", fault.New(fault.CodeOf(err), op, err, fault.HintOf(err))
	}
	if err := b.packer(ctx, bin, "build", "-color=false", "-var-file="+variables, template); err != nil {
		return "", fault.New(fault.CodeOf(err), op, err, "read "+b.log()+", then run the same command again")
	}
	manifest, err := os.ReadFile(v.Manifest)
	if err == nil {
		id, err = artifact(manifest)
	}
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "read "+b.log())
	}
	return id, nil
}

// plugins installs those of the template that are missing, which wants GitHub
// to be within reach; those that are there are used as they are.
func (b Build) plugins(ctx context.Context, bin, template string) error {
	missing, err := Missing(ctx, bin, b.Environment, template)
	if err != nil || len(missing) == 0 {
		return err
	}
	if err := b.packer(ctx, bin, "init", template); err != nil {
		return fault.New(fault.CodeOf(err), "install its plugins", fmt.Errorf("%w; missing: %s", err, strings.Join(missing, ", ")), Install)
	}
	return nil
}

// log is where Packer's words are kept.
func (b Build) log() string { return filepath.Join(b.Dir, "packer.log") }

// packer runs one command of Packer under a supervisor: whatever becomes of
// infra and of its terminal, Packer is interrupted once and comes to its end,
// which removes its host. The whole group is interrupted: Packer's first
// process, whose id is the only one known, ignores that and waits for a second
// one, which does the work.
func (b Build) packer(ctx context.Context, bin string, arguments ...string) error {
	own, err := supervise.Spec{Run: b.Supervise, Program: bin, Log: b.log(), Group: true, Grace: grace}.Variables()
	if err != nil {
		return err
	}
	command := exec.CommandContext(ctx, supervise.Program, arguments...)
	command.Dir, command.Env = b.Dir, b.Environment
	for name, value := range own {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stdout, command.Stderr = b.Log, b.Log
	command.SysProcAttr = &unix.SysProcAttr{Setpgid: true} // away from the terminal's signals
	command.Cancel = func() error { return command.Process.Signal(unix.SIGINT) }
	err = command.Run()
	switch {
	case ctx.Err() != nil:
		return fault.New(fault.Interrupted, "packer "+arguments[0], errors.New("interrupted"), "")
	case err != nil:
		said, readErr := os.ReadFile(b.log())
		if why := complaint(string(said)); readErr == nil && why != "" {
			return fmt.Errorf("packer %s: %s", arguments[0], why)
		}
		return fmt.Errorf("packer %s: %w", arguments[0], err)
	default:
		return nil
	}
}
