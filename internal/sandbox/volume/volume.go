// Package volume makes the EBS volumes of a sandbox: a sparse file each, as
// large as the volume and not a byte larger, behind a loop device. A volume
// outlives the host that it is attached to, as on EC2.
package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

const gib = 1 << 30

// loopMajor is the kernel's number of loop devices.
const loopMajor = 7

// Device is a block device of the machine.
type Device struct {
	Name  string // "loop3"
	Major uint32
	Minor uint32
}

// Store keeps the volumes of one sandbox in a folder.
type Store struct {
	dir string
	mu  sync.Mutex
}

// NewStore makes a store of the volumes in dir, an absolute path.
func NewStore(dir string) (*Store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the volumes: %w", err)
	}
	return &Store{dir: dir}, nil
}

const extension = ".volume"

func (s *Store) path(id string) string { return filepath.Join(s.dir, id+extension) }

// Attach gives the block device of a volume of sizeGB GiB, making the volume
// or enlarging it as needed; one that is made holds what the snapshot holds, if
// one is named. Attaching twice gives the same device.
func (s *Store) Attach(id string, sizeGB int, snapshot string) (Device, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	device, err := s.attach(id, int64(sizeGB)*gib, snapshot)
	if err != nil {
		return Device{}, fmt.Errorf("attach volume %s: %w", id, err)
	}
	return device, nil
}

func (s *Store) attach(id string, size int64, snapshot string) (device Device, err error) {
	file, err := s.open(id, size, snapshot)
	if err != nil {
		return Device{}, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	devices, err := attached(s.dir)
	if err != nil {
		return Device{}, err
	}
	if device, found := devices[id]; found {
		return device, refresh(device)
	}
	return bind(file)
}

// open opens the file of a volume, made or enlarged as needed.
func (s *Store) open(id string, size int64, snapshot string) (file *os.File, err error) {
	if err := checkID(id); err != nil {
		return nil, err
	}
	if _, err := os.Stat(s.path(id)); snapshot != "" && errors.Is(err, fs.ErrNotExist) {
		if err := s.restore(snapshot, id); err != nil {
			return nil, err
		}
	}
	if file, err = os.OpenFile(s.path(id), os.O_CREATE|os.O_RDWR, 0o600); err != nil {
		return nil, err
	}
	info, err := file.Stat()
	if err == nil && info.Size() < size {
		err = file.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return file, nil
}

// restore makes the file of a volume from a snapshot.
func (s *Store) restore(snapshot, id string) error {
	if err := checkID(snapshot); err != nil {
		return err
	}
	image, err := os.Open(s.imagePath(snapshot))
	if err != nil {
		return fmt.Errorf("snapshot %s: %w", snapshot, err)
	}
	defer func() { _ = image.Close() }() // only read
	return s.copyTo(image, s.path(id))
}

// Sweep frees the devices of volumes that are not attached and deletes the
// volumes and snapshots that do not exist any more. attachedNow and existing
// are called while no Attach runs, so that they can tell the newest state.
func (s *Store) Sweep(existing, attachedNow func(id string) bool) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	devices, err := attached(s.dir)
	if err != nil {
		return err
	}
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		id, isVolume := strings.CutSuffix(entry.Name(), extension)
		if !isVolume {
			if id, isImage := strings.CutSuffix(entry.Name(), imageExtension); isImage && !existing(id) {
				errs = append(errs, os.Remove(s.imagePath(id)))
			}
			continue
		}
		if device, found := devices[id]; found && !attachedNow(id) {
			errs = append(errs, free(device))
		}
		if !existing(id) {
			if err := os.Remove(s.path(id)); err != nil && !errors.Is(err, fs.ErrNotExist) {
				errs = append(errs, err)
			}
		}
	}
	return errors.Join(errs...)
}

// Remove frees every device of the volumes in dir and deletes the folder. What
// does not exist is no error.
func Remove(dir string) error {
	devices, err := attached(dir)
	if err != nil {
		return err
	}
	var errs []error
	for _, device := range devices {
		errs = append(errs, free(device))
	}
	return errors.Join(errors.Join(errs...), os.RemoveAll(dir))
}

// attached finds the loop devices whose files lie in dir, by volume id. The
// kernel is the only record of them.
func attached(dir string) (map[string]Device, error) {
	backing, err := filepath.Glob("/sys/block/loop*/loop/backing_file")
	if err != nil {
		return nil, err
	}
	devices := map[string]Device{}
	for _, path := range backing {
		text, err := os.ReadFile(path)
		if err != nil {
			continue // freed since it was listed
		}
		file := strings.TrimSuffix(strings.TrimSpace(string(text)), " (deleted)")
		id, isVolume := strings.CutSuffix(filepath.Base(file), extension)
		if !isVolume || filepath.Dir(file) != dir {
			continue
		}
		name := strings.Split(path, "/")[3]
		minor, err := strconv.ParseUint(strings.TrimPrefix(name, "loop"), 10, 20)
		if err != nil {
			return nil, fmt.Errorf("loop device %s: %w", name, err)
		}
		devices[id] = Device{Name: name, Major: loopMajor, Minor: uint32(minor)}
	}
	return devices, nil
}
