// Package python makes the virtual environments that infra's Python tools run
// in: Ansible, the AWS emulator, the linters. Each is built from a
// requirements file in which every package has its version and its hashes,
// embedded here, so that two machines run the same code.
package python

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/fault"
)

//go:embed requirements/*.txt
var requirements embed.FS

// Names are the environments that Ensure knows.
func Names() []string {
	return []string{"ansible", "ansible-lint", "check-jsonschema", "checkov", "moto"}
}

// Ensure makes <project>/.infra/python/<name>-<hash> when it is missing and
// gives its bin folder. It may take minutes; what is being made is told to
// progress. Concurrent calls, also of other processes, wait for one another;
// environments of other versions of the same name are removed. The error's
// code is fault.Usage for an unknown name, fault.Failed otherwise.
func Ensure(ctx context.Context, project, name string, progress func(string)) (string, error) {
	op := fmt.Sprintf("make the Python environment %q", name)
	if !slices.Contains(Names(), name) {
		return "", fault.New(fault.Usage, op,
			fmt.Errorf("there is no such environment, only %s", strings.Join(Names(), ", ")), "")
	}
	pinned, err := requirements.ReadFile("requirements/" + name + ".txt")
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	parent, err := filepath.Abs(filepath.Join(project, ".infra", "python"))
	if err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	folder := filepath.Join(parent, name+"-"+hashOf(pinned))
	if complete(folder) {
		return filepath.Join(folder, "bin"), nil
	}
	if err := os.MkdirAll(parent, 0o750); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	unlock, err := lock(ctx, filepath.Join(parent, "."+name+".lock"))
	if err != nil {
		return "", fault.New(fault.CodeOf(err), op, err, "")
	}
	defer unlock()
	if !complete(folder) { // another process may have built it meanwhile
		if err := build(ctx, folder, pinned, progress); err != nil {
			return "", err
		}
	}
	if err := removeOthers(parent, name, folder); err != nil {
		return "", fault.New(fault.Failed, op, err, "")
	}
	return filepath.Join(folder, "bin"), nil
}

// Installed gives the bin folder of an environment that Ensure has made
// before, without making it.
func Installed(project, name string) (string, bool) {
	pinned, err := requirements.ReadFile("requirements/" + name + ".txt")
	if err != nil {
		return "", false
	}
	folder := filepath.Join(project, ".infra", "python", name+"-"+hashOf(pinned))
	return filepath.Join(folder, "bin"), complete(folder)
}

func hashOf(pinned []byte) string {
	sum := sha256.Sum256(pinned)
	return hex.EncodeToString(sum[:6])
}

// build makes the environment in place.
func build(ctx context.Context, folder string, pinned []byte, progress func(string)) error {
	op := "make the Python environment " + folder
	maker, err := find(ctx)
	if err != nil {
		return err
	}
	if err := os.RemoveAll(folder); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	progress(fmt.Sprintf("making %s with %s", folder, maker))
	if err := run(ctx, maker.command(ctx, folder)); err != nil {
		return fault.New(fault.CodeOf(err), op, err, maker.hint())
	}
	file := filepath.Join(folder, "requirements.txt")
	if err := os.WriteFile(file, pinned, 0o600); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	if err := run(ctx, install(ctx, folder, file)); err != nil {
		return fault.New(fault.CodeOf(err), op, err,
			"check that this machine reaches its Python package index (pip's own configuration, PIP_INDEX_URL and proxies are honoured), then run the command again")
	}
	if err := os.WriteFile(filepath.Join(folder, marker), nil, 0o600); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	return nil
}

// install is the pip command: every package must have a hash and nothing is
// resolved that the file does not name. Compiling all of Ansible's 50,000
// files takes longer than unpacking them: Python compiles what is used.
func install(ctx context.Context, folder, file string) *exec.Cmd {
	command := exec.CommandContext(ctx, filepath.Join(folder, "bin", "python"), "-m", "pip", "install",
		"--disable-pip-version-check", "--no-input", "--quiet", "--no-compile", "--require-hashes", "--no-deps", "--requirement", file)
	command.Env = environment(os.Environ())
	return command
}

// environment is the caller's without what would lead Python elsewhere:
// proxies, certificates and pip's settings pass.
func environment(caller []string) []string {
	return slices.DeleteFunc(slices.Clone(caller), func(entry string) bool {
		name, _, _ := strings.Cut(entry, "=")
		return slices.Contains([]string{"PYTHONPATH", "PYTHONHOME", "PIP_TARGET", "PIP_PREFIX", "PIP_USER", "PIP_REQUIRE_VIRTUALENV", "VIRTUAL_ENV"}, name)
	})
}

// run runs a command and keeps the end of what it says for its error.
func run(ctx context.Context, command *exec.Cmd) error {
	var said bytes.Buffer
	command.Stdout, command.Stderr = &said, &said
	err := command.Run()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err == nil {
		return nil
	}
	lines := strings.Split(strings.TrimSpace(said.String()), "\n")
	return fmt.Errorf("%s: %w: %s", filepath.Base(command.Path), err,
		strings.Join(lines[max(0, len(lines)-8):], "\n"))
}

// removeOthers removes environments of the same name but another hash.
func removeOthers(parent, name, keep string) error {
	found, err := filepath.Glob(filepath.Join(parent, name+"-*"))
	if err != nil {
		return err
	}
	var failed error
	for _, folder := range found {
		hash := strings.TrimPrefix(filepath.Base(folder), name+"-")
		if folder == keep || !isHash(hash) {
			continue // "ansible-lint-..." is not one of "ansible"
		}
		failed = errors.Join(failed, os.RemoveAll(folder))
	}
	return failed
}

func isHash(text string) bool {
	decoded, err := hex.DecodeString(text)
	return err == nil && len(decoded) == 6
}
