package image

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// bake writes the tar beside its place and moves it there when it is whole.
func bake(ctx context.Context, path string, progress func(string)) (err error) {
	dir, err := os.MkdirTemp(filepath.Dir(path), "bake-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	if err := unpack(dir); err != nil {
		return err
	}
	packages, err := Packages()
	if err != nil {
		return err
	}
	if err := writeProxies(ctx, dir); err != nil {
		return err
	}
	partial := filepath.Join(dir, "root.tar")
	// In a mount namespace of its own: what it mounts is then nobody else's to
	// keep busy, and gone when it ends, however it ends.
	command := exec.CommandContext(ctx, "unshare", append([]string{"--mount", "--propagation", "private", "mmdebstrap"}, arguments(dir, partial, packages)...)...)
	command.Env = append(os.Environ(), "TMPDIR="+dir)
	// Its mounts live in a mount namespace of its own and vanish with it, so
	// that removing dir never reaches into the machine's /dev or /proc. Asked
	// to end, it cleans up; what then still runs in its group is killed.
	command.SysProcAttr = apart()
	command.Cancel = func() error { return syscall.Kill(-command.Process.Pid, syscall.SIGTERM) }
	command.WaitDelay = 15 * time.Second
	last, err := follow(command, progress)
	if command.Process != nil {
		if kill := syscall.Kill(-command.Process.Pid, syscall.SIGKILL); kill != nil && !errors.Is(kill, syscall.ESRCH) {
			err = errors.Join(err, kill)
		}
	}
	if err != nil {
		return fmt.Errorf("mmdebstrap: %w: %s", err, last)
	}
	return os.Rename(partial, path)
}

// Packages lists what is installed besides Debian's minimal base.
func Packages() ([]string, error) {
	text, err := files.ReadFile("files/packages.txt")
	if err != nil {
		return nil, err
	}
	return strings.Fields(string(text)), nil
}

// arguments of mmdebstrap. dir holds the unpacked files.
func arguments(dir, target string, packages []string) []string {
	return []string{
		"--mode=root", "--variant=minbase", "--format=tar",
		"--aptopt=" + filepath.Join(dir, proxies),
		"--include=" + strings.Join(packages, ","),
		// Nobody reads manuals there; copyright files stay.
		"--dpkgopt=path-exclude=/usr/share/doc/*",
		"--dpkgopt=path-include=/usr/share/doc/*/copyright",
		"--dpkgopt=path-exclude=/usr/share/man/*",
		"--dpkgopt=path-exclude=/usr/share/locale/*",
		"--setup-hook=" + filepath.Join(dir, "prepare.sh"),
		"--customize-hook=" + filepath.Join(dir, "finish.sh"),
		suite, target,
		"deb http://deb.debian.org/debian " + suite + " main",
		"deb http://deb.debian.org/debian " + suite + "-updates main",
		"deb http://deb.debian.org/debian-security " + suite + "-security main",
	}
}

// proxies is the file that the machine's proxy settings of apt are copied to:
// mmdebstrap does not look at them. A file, since they may hold a password.
const proxies = "proxies.conf"

func writeProxies(ctx context.Context, dir string) error {
	output, err := exec.CommandContext(ctx, "apt-config", "dump").Output()
	if err != nil {
		return fmt.Errorf("read the machine's apt configuration: %w", err)
	}
	var lines []string
	for line := range strings.Lines(string(output)) {
		if strings.HasPrefix(line, "Acquire::http") && strings.Contains(line, "::Proxy") {
			lines = append(lines, line)
		}
	}
	return os.WriteFile(filepath.Join(dir, proxies), []byte(strings.Join(lines, "")), 0o600)
}

func unpack(dir string) error {
	entries, err := files.ReadDir("files")
	if err != nil {
		return err
	}
	for _, entry := range entries {
		data, err := files.ReadFile("files/" + entry.Name())
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, entry.Name()), data, 0o755); err != nil { //nolint:gosec // hooks are executed
			return err
		}
	}
	return nil
}

// follow runs the command, hands its stages to progress and returns the last
// lines that look like a reason.
func follow(command *exec.Cmd, progress func(string)) (string, error) {
	output, err := command.StderrPipe()
	if err != nil {
		return "", err
	}
	if err := command.Start(); err != nil {
		return "", err
	}
	var last []string
	scanner := bufio.NewScanner(output)
	scanner.Buffer(nil, 1<<20)
	for scanner.Scan() {
		line := scanner.Text()
		if stage, found := strings.CutPrefix(line, "I: "); found {
			if !strings.HasPrefix(stage, "running --") {
				progress("host image: " + stage)
			}
			continue
		}
		if text := strings.TrimSpace(line); text != "" {
			last = append(last, text)
			last = last[max(0, len(last)-3):]
		}
	}
	reading := scanner.Err()
	if reading != nil {
		_, err := io.Copy(io.Discard, output)
		reading = errors.Join(reading, err)
	}
	return strings.Join(last, "; "), errors.Join(command.Wait(), reading)
}
