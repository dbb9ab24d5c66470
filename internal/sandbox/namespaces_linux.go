package sandbox

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

const namespaces = "/run/netns"

// namespacesMounted says whether the folder of network namespaces is a mount,
// which the first one that is made turns it into.
func namespacesMounted() (bool, error) {
	var folder, parent unix.Stat_t
	if err := unix.Lstat(namespaces, &folder); err != nil {
		if errors.Is(err, fs.ErrNotExist) {
			return false, nil
		}
		return false, err
	}
	var information unix.Statx_t
	err := unix.Statx(unix.AT_FDCWD, namespaces, unix.AT_SYMLINK_NOFOLLOW, unix.STATX_BASIC_STATS, &information)
	if err == nil && information.Attributes_mask&unix.STATX_ATTR_MOUNT_ROOT != 0 {
		return information.Attributes&unix.STATX_ATTR_MOUNT_ROOT != 0, nil
	}
	if err := unix.Lstat("/run", &parent); err != nil {
		return false, err
	}
	return folder.Dev != parent.Dev, nil
}

// releaseNamespaces undoes that mount when no namespace is left.
func releaseNamespaces() error {
	entries, err := os.ReadDir(namespaces)
	if errors.Is(err, fs.ErrNotExist) || len(entries) > 0 {
		return nil
	}
	if err != nil {
		return err
	}
	for {
		mounted, err := namespacesMounted()
		if err != nil || !mounted {
			return err
		}
		if err := unix.Unmount(namespaces, unix.MNT_DETACH); err != nil {
			return fmt.Errorf("unmount %s: %w", namespaces, err)
		}
	}
}
