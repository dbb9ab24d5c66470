package provision

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"infra/internal/fault"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/terraform"
)

// candidate is a place to try what a state would become before it becomes it:
// two copies of the code in the run's directory, whose states are local files.
// One has the state as it is, the other the state as it would be. Terraform
// changes and plans there, against the real cloud; the state in S3 is not
// touched until somebody has agreed.
type candidate struct {
	dir           string
	before, after *terraform.Workspace
}

const (
	// localState is where Terraform's local backend keeps a state, below the
	// root module.
	localState = "terraform.tfstate"
	// localBackend takes the place of the S3 backend that the code names.
	localBackend = "terraform {\n  backend \"local\" {}\n}\n"
)

// candidate makes the copies of one stack. initial is its state, nil for none.
func (p *Platform) candidate(ctx context.Context, s stack.Stack, initial *state.State) (*candidate, error) {
	op := "try a change of the state of " + s.String()
	binary, cliConfig, err := p.tools(ctx)
	if err != nil {
		return nil, err
	}
	if _, err := p.takeColours(ctx); err != nil {
		return nil, err
	}
	actual, err := p.workspace(ctx, s, binary, cliConfig, 0, p.watch(s.String()))
	if err != nil {
		return nil, err
	}
	// The stack's own data directory has the providers: no second download.
	if err := actual.Init(ctx); err != nil {
		return nil, err
	}
	c := &candidate{dir: p.Run.File("candidate")}
	config, err := c.settings(actual)
	if err != nil {
		return nil, errors.Join(fault.New(fault.Failed, op, err, ""), c.remove())
	}
	for _, side := range []struct {
		name string
		w    **terraform.Workspace
	}{{"before", &c.before}, {"after", &c.after}} {
		w, err := c.copy(p.Project, s, actual, side.name)
		if err == nil && initial != nil {
			err = os.WriteFile(filepath.Join(w.Root, localState), initial.Raw, 0o600)
		}
		if err != nil {
			return nil, errors.Join(fault.New(fault.Failed, op, err, "df -h "+p.Run.Dir), c.remove())
		}
		if config != "" {
			w.Environment["TF_CLI_CONFIG_FILE"] = config
		}
		*side.w = w
	}
	// Both share one data directory, which a plan only reads.
	if err := c.after.Init(ctx); err != nil {
		return nil, errors.Join(err, c.remove())
	}
	return c, nil
}

// settings writes what both copies share: the local backend's settings, and a
// CLI configuration that takes every provider from the stack's own data
// directory. The configuration's path comes back.
func (c *candidate) settings(actual *terraform.Workspace) (config string, err error) {
	if err := os.MkdirAll(c.dir, 0o700); err != nil {
		return "", err
	}
	backend := filepath.Join(c.dir, "backend.hcl") // the local backend needs no settings
	if err := os.WriteFile(backend, nil, 0o600); err != nil {
		return "", err
	}
	providers := filepath.Join(actual.DataDir, "providers")
	if _, err := os.Stat(providers); errors.Is(err, fs.ErrNotExist) {
		return actual.Environment["TF_CLI_CONFIG_FILE"], nil // the code needs none
	}
	config = filepath.Join(c.dir, "terraform.rc")
	text := fmt.Sprintf("disable_checkpoint = true\nprovider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n}\n", providers)
	return config, os.WriteFile(config, []byte(text), 0o600)
}

// copy makes one side: the code, with another backend.
func (c *candidate) copy(project string, s stack.Stack, actual *terraform.Workspace, side string) (*terraform.Workspace, error) {
	w := *actual
	top := filepath.Join(c.dir, side)
	w.Root = filepath.Join(top, filepath.FromSlash(s.Source()))
	w.Logs, w.DataDir, w.Backend = top, filepath.Join(c.dir, "data"), filepath.Join(c.dir, "backend.hcl")
	w.Environment = map[string]string{}
	for name, value := range actual.Environment {
		w.Environment[name] = value
	}
	if err := copyCode(filepath.Join(top, "terraform"), filepath.Join(project, "terraform")); err != nil {
		return nil, err
	}
	return &w, os.WriteFile(filepath.Join(w.Root, "infra_override.tf"), []byte(localBackend), 0o600)
}

// copyCode copies a tree of Terraform code without what Terraform made in it.
func copyCode(to, from string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		switch {
		case entry.IsDir() && (entry.Name() == ".terraform" || entry.Name() == "tests"):
			return fs.SkipDir
		case entry.IsDir():
			return os.MkdirAll(target, 0o700)
		}
		data, err := os.ReadFile(path) // of a link, what it leads to
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}

// state is what the changed side holds now.
func (c *candidate) state() ([]byte, error) {
	raw, err := os.ReadFile(filepath.Join(c.after.Root, localState))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return raw, err
}

// set gives the changed side a state.
func (c *candidate) set(raw []byte) error {
	return os.WriteFile(filepath.Join(c.after.Root, localState), raw, 0o600)
}

// plans are what an apply would do with the state as it is, and with the state
// as it would be. Without a state as it is only the second is made.
func (c *candidate) plans(ctx context.Context, hasBefore bool) (before, after terraform.Plan, err error) {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(SideBySide())
	if hasBefore {
		group.Go(func() (err error) {
			before, err = c.before.Plan(ctx, terraform.PlanOptions{})
			return err
		})
	}
	group.Go(func() (err error) {
		after, err = c.after.Plan(ctx, terraform.PlanOptions{})
		return err
	})
	return before, after, group.Wait()
}

// remove ends the copies: they hold states in clear. What Terraform said stays
// beside the run's other logs.
func (c *candidate) remove() error {
	var problems []error
	for _, side := range []string{"before", "after"} {
		problems = append(problems, os.RemoveAll(filepath.Join(c.dir, side, "terraform")))
		backups, err := filepath.Glob(filepath.Join(c.dir, side, "*.backup"))
		problems = append(problems, err)
		for _, backup := range backups {
			problems = append(problems, os.Remove(backup))
		}
	}
	problems = append(problems, os.RemoveAll(filepath.Join(c.dir, "data")))
	if err := errors.Join(problems...); err != nil {
		return fault.New(fault.Failed, "remove the copies of the state", err, "rm -r "+c.dir)
	}
	return nil
}
