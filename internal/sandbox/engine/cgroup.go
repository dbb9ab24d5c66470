package engine

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// cgroupRoot is where every private mount namespace of this package has the
// unified control group tree, whatever the machine has mounted where.
const cgroupRoot = "/sys/fs/cgroup"

// Reap kills every process in the sandbox's control groups and removes the
// groups. It is what ends an engine whose daemon died, hosts included, without
// knowing any process by its id.
func Reap(ctx context.Context, group string) error {
	return privately(nil, func() error {
		root := filepath.Join(cgroupRoot, group)
		for {
			groups, err := groupsBelow(root)
			if err != nil || len(groups) == 0 {
				return err
			}
			alive, err := killAll(groups)
			if err != nil {
				return err
			}
			if alive == 0 {
				for _, dir := range slices.Backward(groups) {
					if err := os.Remove(dir); err != nil && !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, unix.EBUSY) {
						return fmt.Errorf("remove a control group: %w", err)
					}
				}
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("end the processes of control group %s: %w", group, ctx.Err())
			case <-time.After(50 * time.Millisecond):
			}
		}
	})
}

// groupsBelow lists a group and those inside it, parents first; none when it
// does not exist.
func groupsBelow(root string) ([]string, error) {
	var groups []string
	err := filepath.WalkDir(root, func(path string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err == nil && entry.IsDir() {
			groups = append(groups, path)
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list control groups: %w", err)
	}
	return groups, nil
}

// killAll kills what runs in the groups and says how many processes it found.
func killAll(groups []string) (int, error) {
	alive := 0
	for _, dir := range groups {
		// Frozen processes would not die.
		if err := os.WriteFile(filepath.Join(dir, "cgroup.freeze"), []byte("0"), 0o644); err != nil && !gone(err) { //nolint:gosec // a kernel file
			return alive, fmt.Errorf("thaw a control group: %w", err)
		}
		text, err := os.ReadFile(filepath.Join(dir, "cgroup.procs"))
		if err != nil {
			if gone(err) {
				continue
			}
			return alive, fmt.Errorf("list the processes of a control group: %w", err)
		}
		for _, word := range strings.Fields(string(text)) {
			pid, err := strconv.Atoi(word)
			if err != nil || pid <= 1 {
				continue
			}
			alive++
			if err := unix.Kill(pid, unix.SIGKILL); err != nil && !errors.Is(err, unix.ESRCH) {
				return alive, fmt.Errorf("kill process %d: %w", pid, err)
			}
		}
	}
	return alive, nil
}

// gone is true for errors of a group that vanished meanwhile or that has no
// processes of its own.
func gone(err error) bool {
	return errors.Is(err, fs.ErrNotExist) || errors.Is(err, unix.ENODEV) || errors.Is(err, unix.EOPNOTSUPP)
}

// enter puts a process into a group, making the group.
func enter(group string, pid int) error {
	dir := filepath.Join(cgroupRoot, group)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a kernel folder
		return fmt.Errorf("make control group %s: %w", group, err)
	}
	err := os.WriteFile(filepath.Join(dir, "cgroup.procs"), []byte(strconv.Itoa(pid)), 0o644) //nolint:gosec // a kernel file
	if err != nil {
		return fmt.Errorf("put process %d into control group %s: %w", pid, group, err)
	}
	return nil
}

// Adopt puts a process that was started elsewhere, with what it will start,
// into the sandbox's control group, so that Reap ends it too.
func Adopt(group string, pid int) error {
	return privately(nil, func() error { return enter(filepath.Join(group, "adopted"), pid) })
}
