// Package scaffold makes a project out of nothing: the Terraform and Ansible
// code that infra was built with, and the file of one environment.
//
// It is made whole beside its place, or within it, under a name that nobody
// reads, and then moved there: what fails or is killed before that leaves no
// project, and nothing that was there is ever replaced.
package scaffold

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	ansibletree "infra/ansible"
	environmentstree "infra/environments"
	"infra/internal/environment"
	"infra/internal/fault"
	terraformtree "infra/terraform"
)

// Order is what project to make.
type Order struct {
	Dir      string // where; it is made when it is not there
	Draft    environment.Draft
	Sandbox  bool   // the environment is emulated on this machine; of Draft, only the name and the range count
	Endpoint string // of the emulator, when it is not the usual one
	Version  string // of infra, for the project's README
}

// Hint is the command that says how a project is ordered.
const Hint = "infra init --help"

// Write makes the project and gives its environment.
func Write(o Order) (env *environment.Environment, err error) {
	op := "make a project in " + o.Dir
	there, err := standing(o.Dir)
	switch {
	case err != nil:
		return nil, fault.New(fault.Failed, op, err, "")
	case len(there) > 0:
		return nil, fault.New(fault.Usage, op, fmt.Errorf("the folder is not empty, and nothing in it is ever replaced: %s", listed(there)), "infra init DIR, with a folder that is new or empty")
	case !environment.ValidName(o.Draft.Name):
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%q cannot be the name of an environment: 2 to 31 small letters, digits and -, a letter first", o.Draft.Name), Hint)
	}
	stage, err := makeStage(o.Dir)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra init DIR, with a folder that you may write to")
	}
	defer func() { err = errors.Join(err, os.RemoveAll(stage)) }()
	if err := o.fill(stage); err != nil {
		return nil, explained(op, err)
	}
	if env, err = environment.Load(stage, o.Draft.Name); err != nil {
		return nil, explained(op, err)
	}
	if err := settle(stage, o.Dir); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	return env, nil
}

// explained is an error about the environment's file, whose way out is the
// command line of init.
func explained(op string, err error) error {
	var f *fault.Error
	if errors.As(err, &f) {
		return fault.New(f.Code, op+" (nothing was written)", f.Err, Hint)
	}
	return fault.New(fault.Failed, op+" (nothing was written)", err, "")
}

// fill writes everything into an empty folder.
func (o Order) fill(stage string) error {
	for folder, tree := range map[string]fs.FS{"terraform": terraformtree.Tree, "ansible": ansibletree.Tree, environment.Folder: environmentstree.Tree} {
		if err := copyTree(filepath.Join(stage, folder), tree); err != nil {
			return err
		}
	}
	if err := write(filepath.Join(stage, ".gitignore"), ignored); err != nil {
		return err
	}
	if err := write(filepath.Join(stage, "README.md"), o.readme()); err != nil {
		return err
	}
	if o.Sandbox {
		return o.sandbox(stage)
	}
	// The sandbox's file would claim a range of its own.
	if err := os.Remove(filepath.Join(stage, environment.Folder, sandboxName+".yaml")); err != nil {
		return err
	}
	_, err := environment.Create(stage, o.Draft)
	return err
}

const sandboxName = "sandbox"

// sandbox writes the file of an emulated environment that is not quite the
// shipped one.
func (o Order) sandbox(stage string) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# yaml-language-server: $schema=schema.json\n#\n# An emulated environment on this machine, as sandbox.yaml says.\n\nextends: %s\n", sandboxName)
	if o.Endpoint != "" {
		fmt.Fprintf(&b, "endpoint: %q\n", o.Endpoint)
	}
	if o.Draft.CIDR != "" {
		fmt.Fprintf(&b, "products:\n  pipeline:\n    vpc:\n      cidr: %q\n", o.Draft.CIDR)
	}
	switch {
	case o.Draft.Name != sandboxName:
		return write(filepath.Join(stage, environment.Folder, o.Draft.Name+".yaml"), b.String())
	case o.Endpoint != "" || o.Draft.CIDR != "":
		return fault.New(fault.Usage, "", errors.New("the environment named sandbox has the usual endpoint and range"), "")
	default:
		return nil // its file is among those that are shipped
	}
}

// copyTree writes a tree into a folder. An embedded file has no mode worth
// keeping: none of them is a program.
func copyTree(to string, tree fs.FS) error {
	return fs.WalkDir(tree, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(to, filepath.FromSlash(path))
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755) //nolint:gosec // code that a team shares holds no secret
		}
		text, err := fs.ReadFile(tree, path)
		if err != nil {
			return err
		}
		return write(target, string(text))
	})
}

func write(path, text string) error {
	return os.WriteFile(path, []byte(text), 0o644) //nolint:gosec // code that a team shares holds no secret
}
