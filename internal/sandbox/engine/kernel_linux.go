package engine

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"golang.org/x/sys/unix"
)

// privately calls work on a thread with a mount namespace of its own, in which
// nothing is shared with the machine any more and the unified control group
// tree is mounted on /sys/fs/cgroup. before, if any, is called first, on the
// same thread. The thread ends afterwards; programs it started stay inside.
func privately(before, work func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- func() error {
			if before != nil {
				if err := before(); err != nil {
					return err
				}
			}
			if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
				return fmt.Errorf("make a mount namespace: %w", err)
			}
			if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""); err != nil {
				return fmt.Errorf("make the mounts private: %w", err)
			}
			// A new sysfs shows the interfaces of the network namespace that
			// the thread is in, and hides the machine's control groups.
			flags := uintptr(unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC)
			// Busy means that this very file system is there already.
			if err := unix.Mount("sysfs", "/sys", "sysfs", flags, ""); err != nil && !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("mount /sys: %w", err)
			}
			if err := unix.Mount("cgroup2", cgroupRoot, "cgroup2", flags, ""); err != nil && !errors.Is(err, unix.EBUSY) {
				return fmt.Errorf("mount the control groups: %w", err)
			}
			return work()
		}()
	}()
	return <-result
}

// startIn starts a program inside a control group.
func startIn(command *exec.Cmd, group string) (err error) {
	dir := filepath.Join(cgroupRoot, group)
	if err := os.MkdirAll(dir, 0o755); err != nil { //nolint:gosec // a kernel folder
		return fmt.Errorf("make control group %s: %w", group, err)
	}
	handle, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("open control group %s: %w", group, err)
	}
	defer func() { err = errors.Join(err, handle.Close()) }()
	command.SysProcAttr.UseCgroupFD = true
	command.SysProcAttr.CgroupFD = int(handle.Fd())
	if err := command.Start(); err != nil {
		return fmt.Errorf("start %s: %w", command.Path, err)
	}
	return nil
}

// hide puts an empty folder over another, in the caller's mount namespace.
func hide(folder string) error { return unix.Mount("tmpfs", folder, "tmpfs", 0, "mode=711") }

// graft mounts the layers of a seed, in the caller's mount namespace.
func graft(seed, dir string) error {
	layers, err := layersOf(seed)
	if err != nil {
		return err
	}
	// dockerd mounts these folders onto themselves, unless they are mounts of
	// the right kind already, and that would hide the mounts inside.
	home := filepath.Join(dir, layersDir)
	for _, folder := range []string{dir, home} {
		if err := unix.Mount(folder, folder, "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount the engine's data: %w", err)
		}
	}
	if err := unix.Mount("", dir, "", unix.MS_SHARED, ""); err != nil {
		return fmt.Errorf("share the engine's data with its hosts: %w", err)
	}
	for _, layer := range layers {
		target := filepath.Join(home, layer, layerDir)
		err := unix.Mount(filepath.Join(seed, layersDir, layer, layerDir), target, "", unix.MS_BIND, "")
		if err == nil {
			err = unix.Mount("", target, "", unix.MS_BIND|unix.MS_REMOUNT|unix.MS_RDONLY, "")
		}
		if err != nil {
			return fmt.Errorf("mount a layer of the engine's images: %w", err)
		}
	}
	return nil
}
