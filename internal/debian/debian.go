// Package debian installs the Debian packages that have the programs that are
// missing on this machine.
package debian

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/fault"
)

// Programs are names of programs, each with the Debian package that has it.
type Programs map[string]string

// SearchPath is PATH with the folders of system programs, which a caller's
// PATH often lacks.
func SearchPath() string {
	path := filepath.SplitList(os.Getenv("PATH"))
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin", "/usr/bin", "/bin"} {
		if !slices.Contains(path, dir) {
			path = append(path, dir)
		}
	}
	return strings.Join(path, string(filepath.ListSeparator))
}

// Missing are the packages of the programs that are not on this machine, sorted.
func (p Programs) Missing() []string { return p.missing(SearchPath()) }

// missing are the packages of the programs that path does not hold.
func (p Programs) missing(path string) []string {
	var missing []string
	for program, name := range p {
		if !slices.ContainsFunc(filepath.SplitList(path), func(dir string) bool {
			info, err := os.Stat(filepath.Join(dir, program))
			return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
		}) {
			missing = append(missing, name)
		}
	}
	slices.Sort(missing)
	return slices.Compact(missing)
}

// installArguments are those of apt-get, which waits while something else
// installs: unattended upgrades do, right after a machine was started.
func installArguments(packages []string) []string {
	return append([]string{"install", "--yes", "--no-install-recommends", "--option=DPkg::Lock::Timeout=300"}, packages...)
}

// Install installs what is missing with apt.
func (p Programs) Install(ctx context.Context, progress func(string)) error {
	missing := p.Missing()
	if len(missing) == 0 {
		return nil
	}
	op := "install " + strings.Join(missing, " ")
	hint := "apt-get " + strings.Join(installArguments(missing), " ")
	apt, err := exec.LookPath("apt-get")
	if err != nil {
		return fault.New(fault.Failed, op, errors.New("this machine has no apt-get"),
			"install what provides these Debian packages: "+strings.Join(missing, " "))
	}
	progress("installing " + strings.Join(missing, " ") + " with apt")
	if apts(ctx, apt, installArguments(missing)) == nil {
		return nil
	}
	if err := apts(ctx, apt, []string{"update"}); err != nil {
		return fault.New(fault.Failed, op, err, hint)
	}
	if err := apts(ctx, apt, installArguments(missing)); err != nil {
		return fault.New(fault.Failed, op, err, hint)
	}
	if still := p.Missing(); len(still) > 0 {
		return fault.New(fault.Failed, op, errors.New("still missing after the installation: "+strings.Join(still, " ")), hint)
	}
	return nil
}

func apts(ctx context.Context, apt string, arguments []string) error {
	command := exec.CommandContext(ctx, apt, arguments...)
	command.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "PATH="+SearchPath())
	output, err := command.CombinedOutput()
	if err != nil {
		lines := strings.Split(string(bytes.TrimSpace(output)), "\n")
		return fmt.Errorf("apt-get %s: %w: %s", arguments[0], err, lines[len(lines)-1])
	}
	return nil
}
