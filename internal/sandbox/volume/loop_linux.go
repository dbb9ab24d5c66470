package volume

import (
	"errors"
	"fmt"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// bind puts file behind a free loop device.
func bind(file *os.File) (device Device, err error) {
	control, err := os.OpenFile("/dev/loop-control", os.O_RDWR, 0)
	if err != nil {
		return Device{}, fmt.Errorf("this machine has no loop devices: %w", err)
	}
	defer func() { err = errors.Join(err, control.Close()) }()
	for range 100 {
		number, err := unix.IoctlRetInt(int(control.Fd()), unix.LOOP_CTL_GET_FREE)
		if err != nil {
			return Device{}, fmt.Errorf("find a free loop device: %w", err)
		}
		device := Device{Name: fmt.Sprintf("loop%d", number), Major: loopMajor, Minor: uint32(number)} //nolint:gosec // not negative
		err = configure(device, file)
		if errors.Is(err, unix.EBUSY) { // another program took it first
			continue
		}
		return device, err
	}
	return Device{}, errors.New("find a free loop device: others take each one first")
}

func configure(device Device, file *os.File) (err error) {
	node, err := open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	config := unix.LoopConfig{Fd: uint32(file.Fd())}
	copy(config.Info.File_name[:len(config.Info.File_name)-1], file.Name())
	if err := unix.IoctlLoopConfigure(int(node.Fd()), &config); err != nil {
		return fmt.Errorf("configure %s: %w", device.Name, err)
	}
	return nil
}

// refresh makes the device notice that its file has grown.
func refresh(device Device) (err error) {
	node, err := open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	if err := unix.IoctlSetInt(int(node.Fd()), unix.LOOP_SET_CAPACITY, 0); err != nil {
		return fmt.Errorf("enlarge %s: %w", device.Name, err)
	}
	return nil
}

// free takes the device from its file; while something still has it open or
// mounted, the kernel does so afterwards.
func free(device Device) (err error) {
	node, err := open(device)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, node.Close()) }()
	err = unix.IoctlSetInt(int(node.Fd()), unix.LOOP_CLR_FD, 0)
	if err != nil && !errors.Is(err, unix.ENXIO) {
		return fmt.Errorf("free %s: %w", device.Name, err)
	}
	return nil
}

// open opens the device's node, making it where /dev is not the kernel's own.
func open(device Device) (*os.File, error) {
	path := "/dev/" + device.Name
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return file, err
	}
	if err := unix.Mknod(path, unix.S_IFBLK|0o660, int(unix.Mkdev(device.Major, device.Minor))); err != nil { //nolint:gosec // small numbers
		return nil, fmt.Errorf("make %s: %w", path, err)
	}
	return os.OpenFile(path, os.O_RDWR, 0)
}
