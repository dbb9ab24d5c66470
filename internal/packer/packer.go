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
	"syscall"
	"time"

	"infra/internal/fault"
)

// Template is where the template lies in a project.
const Template = "ansible/image/hosts.pkr.hcl"

// endLimit is how long Packer may take to remove its host when it is interrupted.
const endLimit = 15 * time.Minute

// Variables are those that the template declares.
type Variables struct {
	Name            string            `json:"name"`
	Environment     string            `json:"environment"`
	Region          string            `json:"region"`
	BaseOwner       string            `json:"base_owner"`
	BaseName        string            `json:"base_name"`
	User            string            `json:"user"`
	Upgrade         bool              `json:"upgrade"`
	Ansible         string            `json:"ansible"`
	PlaybookCommand string            `json:"playbook_command"`
	Tags            map[string]string `json:"tags"`
}

// Build makes the image and gives its id. Files go to dir, the environment of
// Packer is exactly env; log gets what it says.
func Build(ctx context.Context, project, dir string, v Variables, env []string, log io.Writer) (id string, err error) {
	op := "make the image " + v.Name
	bin, err := exec.LookPath("packer")
	if err != nil {
		return "", fault.New(fault.Failed, op, errors.New("packer is not on PATH"), "install it, or leave out --packer: infra makes the image by itself in an environment that was applied")
	}
	data, err := json.Marshal(v)
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	variables, manifest := filepath.Join(dir, "image.pkrvars.json"), filepath.Join(dir, "packer.log")
	if err := os.WriteFile(variables, data, 0o600); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	said, err := os.OpenFile(manifest, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	defer func() { err = errors.Join(err, said.Close()) }()
	template := filepath.Join(project, filepath.FromSlash(Template))
	for _, arguments := range commands(template, variables) {
		command := exec.CommandContext(ctx, bin, arguments...)
		command.Env, command.Dir = env, dir
		command.Stdout, command.Stderr = io.MultiWriter(said, log), io.MultiWriter(said, log)
		command.Cancel = func() error { return command.Process.Signal(syscall.SIGINT) } // it then removes its host
		command.WaitDelay = endLimit
		if err := command.Run(); err != nil {
			return "", fault.New(fault.Failed, op, fmt.Errorf("packer %s: %w", arguments[0], err), "read "+manifest)
		}
	}
	text, err := os.ReadFile(manifest)
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	if id, err = artifact(string(text)); err != nil {
		return "", fault.New(fault.Failed, op, err, "read "+manifest)
	}
	return id, nil
}

// commands are Packer's, in order.
func commands(template, variables string) [][]string {
	return [][]string{
		{"init", template},
		{"build", "-color=false", "-machine-readable", "-var-file=" + variables, template},
	}
}
