package host

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"infra/internal/sandbox/network"
	"infra/internal/sandbox/volume"
)

// byID is where hosts find their volumes.
const byID = "dev/disk/by-id"

// marker is what the first program of a host waits for.
const marker = "dev/.infra-attached"

// linkName is the name that EBS volumes have on EC2's hosts: the volume's id
// without its dash.
func linkName(volumeID string) string {
	return "nvme-Amazon_Elastic_Block_Store_" + strings.Replace(volumeID, "-", "", 1)
}

// Boot plugs the host's port in and lets its first program go on. pid is that
// of the container's first process; volumes are attached before.
func (m *Machine) Boot(ctx context.Context, instance string, pid int) error {
	index, err := portIndex(pid)
	if err != nil {
		return fmt.Errorf("boot host %s: %w", instance, err)
	}
	if err := network.Isolate(ctx, m.Layout, index); err != nil {
		return fmt.Errorf("boot host %s: %w", instance, err)
	}
	root, err := enterRoot(pid)
	if err != nil {
		return fmt.Errorf("boot host %s: %w", instance, err)
	}
	err = root.write(marker)
	return errors.Join(err, root.close())
}

// portIndex is the index, in the sandbox's namespace, of the other end of the
// host's network interface.
func portIndex(pid int) (int, error) {
	text, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "root/sys/class/net/eth0/iflink"))
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(text)))
}

// Plug makes exactly these volumes appear inside the host, by volume id. What
// it plugged in before and is no longer named disappears.
func (m *Machine) Plug(pid int, volumes map[string]volume.Device) (err error) {
	root, err := enterRoot(pid)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, root.close()) }()
	if err := root.mkdirAll(byID); err != nil {
		return err
	}
	wanted := map[string]string{}
	for id, device := range volumes {
		wanted[linkName(id)] = "../../" + device.Name
		if err := root.node("dev/"+device.Name, device); err != nil {
			return err
		}
	}
	return root.links(byID, wanted)
}

// rootDir is the root of a host's file system. Every path is resolved inside
// it, whatever links the host has made.
type rootDir struct{ fd int }

func enterRoot(pid int) (rootDir, error) {
	path := filepath.Join("/proc", strconv.Itoa(pid), "root")
	fd, err := unix.Open(path, unix.O_PATH|unix.O_DIRECTORY|unix.O_CLOEXEC, 0)
	if err != nil {
		return rootDir{}, fmt.Errorf("open %s: %w", path, err)
	}
	return rootDir{fd}, nil
}

func (r rootDir) close() error { return unix.Close(r.fd) }

// in calls work with a descriptor of the folder of name, and name's last part.
func (r rootDir) in(name string, work func(dir int, base string) error) (err error) {
	dir, err := unix.Openat2(r.fd, path.Dir(name), &unix.OpenHow{
		Flags: unix.O_PATH | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return fmt.Errorf("open %s of the host: %w", path.Dir(name), err)
	}
	defer func() { err = errors.Join(err, unix.Close(dir)) }()
	return work(dir, path.Base(name))
}

func (r rootDir) mkdirAll(name string) error {
	if parent := path.Dir(name); parent != "." {
		if err := r.mkdirAll(parent); err != nil {
			return err
		}
	}
	return r.in(name, func(dir int, base string) error {
		if err := unix.Mkdirat(dir, base, 0o755); err != nil && !errors.Is(err, fs.ErrExist) {
			return fmt.Errorf("make %s in the host: %w", name, err)
		}
		return nil
	})
}

func (r rootDir) write(name string) error {
	return r.in(name, func(dir int, base string) error {
		fd, err := unix.Openat(dir, base, unix.O_CREAT|unix.O_WRONLY|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
		if err != nil {
			return fmt.Errorf("make %s in the host: %w", name, err)
		}
		return unix.Close(fd)
	})
}

// node makes a block device node, replacing one of another number.
func (r rootDir) node(name string, device volume.Device) error {
	number := unix.Mkdev(device.Major, device.Minor)
	return r.in(name, func(dir int, base string) error {
		var now unix.Stat_t
		err := unix.Fstatat(dir, base, &now, unix.AT_SYMLINK_NOFOLLOW)
		if err == nil {
			if now.Mode&unix.S_IFMT == unix.S_IFBLK && now.Rdev == number {
				return nil
			}
			if err := unix.Unlinkat(dir, base, 0); err != nil {
				return fmt.Errorf("replace %s in the host: %w", name, err)
			}
		}
		if err := unix.Mknodat(dir, base, unix.S_IFBLK|0o660, int(number)); err != nil { //nolint:gosec // a small number
			return fmt.Errorf("make %s in the host: %w", name, err)
		}
		return nil
	})
}

// links makes exactly these volume links exist in the folder; a device that
// loses its link loses its node too.
func (r rootDir) links(folder string, wanted map[string]string) error {
	now, err := r.readLinks(folder)
	if err != nil {
		return err
	}
	inUse := map[string]bool{}
	for _, target := range wanted {
		inUse[target] = true
	}
	var errs []error
	for name, target := range now {
		if wanted[name] == target {
			continue
		}
		errs = append(errs, r.remove(path.Join(folder, name)))
		if !inUse[target] {
			errs = append(errs, r.remove(path.Join("dev", path.Base(target))))
		}
	}
	for name, target := range wanted {
		if now[name] == target {
			continue
		}
		errs = append(errs, r.in(path.Join(folder, name), func(dir int, base string) error {
			return unix.Symlinkat(target, dir, base)
		}))
	}
	return errors.Join(errs...)
}

func (r rootDir) remove(name string) error {
	return r.in(name, func(dir int, base string) error {
		if err := unix.Unlinkat(dir, base, 0); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("remove %s in the host: %w", name, err)
		}
		return nil
	})
}

// readLinks reads the volume links in the folder: name to target.
func (r rootDir) readLinks(folder string) (links map[string]string, err error) {
	fd, err := unix.Openat2(r.fd, folder, &unix.OpenHow{
		Flags: unix.O_RDONLY | unix.O_DIRECTORY | unix.O_CLOEXEC, Resolve: unix.RESOLVE_IN_ROOT | unix.RESOLVE_NO_MAGICLINKS,
	})
	if err != nil {
		return nil, fmt.Errorf("open %s of the host: %w", folder, err)
	}
	dir := os.NewFile(uintptr(fd), folder)
	defer func() { err = errors.Join(err, dir.Close()) }()
	names, err := dir.Readdirnames(-1)
	if err != nil {
		return nil, fmt.Errorf("list %s of the host: %w", folder, err)
	}
	links = map[string]string{}
	buffer := make([]byte, 4096)
	for _, name := range names {
		if !strings.HasPrefix(name, linkName("")) {
			continue
		}
		n, err := unix.Readlinkat(fd, name, buffer)
		if err != nil {
			continue // no link: not ours
		}
		links[name] = string(buffer[:n])
	}
	return links, nil
}
