package volume

import (
	"bufio"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// The kernel's requests that stop and allow writing to a file system.
const (
	fiFreeze = 0xC0045877
	fiThaw   = 0xC0045878
)

// Freeze keeps the file system on the device from changing, with everything
// written to the device, where the process pid sees it mounted; thaw lets it
// change again. One that is not mounted is left alone, and so is one that the
// host itself has frozen.
func Freeze(pid int, device Device) (thaw func() error, err error) {
	nothing := func() error { return nil }
	point, err := mountPoint(pid, device)
	if err != nil || point == "" {
		return nothing, errors.Join(err, flush(device))
	}
	folder, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "root", point))
	if err != nil {
		return nothing, err
	}
	err = unix.IoctlSetInt(int(folder.Fd()), fiFreeze, 0)
	if errors.Is(err, unix.EBUSY) {
		return nothing, folder.Close()
	}
	if err != nil {
		return nothing, errors.Join(fmt.Errorf("freeze %s: %w", point, err), folder.Close())
	}
	return func() error {
		err := unix.IoctlSetInt(int(folder.Fd()), fiThaw, 0)
		if errors.Is(err, unix.EINVAL) { // the host was quicker
			err = nil
		}
		return errors.Join(err, folder.Close())
	}, nil
}

// mountPoint is where the process sees the device mounted, "" for nowhere.
func mountPoint(pid int, device Device) (point string, err error) {
	file, err := os.Open(filepath.Join("/proc", strconv.Itoa(pid), "mountinfo"))
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil // the host is down
	}
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	number := fmt.Sprintf("%d:%d", device.Major, device.Minor)
	lines := bufio.NewScanner(file)
	for lines.Scan() {
		// 36 35 98:0 /root /mount rw,noatime ... (proc_pid_mountinfo(5))
		if fields := strings.Fields(lines.Text()); len(fields) > 4 && fields[2] == number && fields[3] == "/" {
			return fields[4], nil
		}
	}
	return "", lines.Err()
}

// flush writes what the kernel holds of the device.
func flush(device Device) (err error) {
	node, err := open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	return node.Sync()
}
