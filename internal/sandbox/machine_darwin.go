package sandbox

import (
	"errors"

	"infra/internal/fault"
)

// Supported tells whether this machine can have a sandbox at all. It is asked
// before anything else of this package, so that nothing below it has to work on
// macOS: it only has to compile.
func Supported() error {
	return fault.New(fault.Failed, "open a sandbox",
		errors.New("its hosts need the network namespaces, loop devices and control groups of Linux, which macOS has not"),
		"sudo infra sandbox up, on a Linux machine or in a Linux virtual machine (limactl start template://debian-12, or a cloud's)")
}

func adoptOrphans() error { return errors.ErrUnsupported }

const namespaces = "/run/netns"

func namespacesMounted() (bool, error) { return false, errors.ErrUnsupported }

func releaseNamespaces() error { return errors.ErrUnsupported }
