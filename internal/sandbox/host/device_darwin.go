package host

import (
	"context"
	"errors"

	"infra/internal/sandbox/volume"
)

// A host is a container whose files and devices are reached through the kernel
// of Linux: package sandbox refuses before any of these is called.

// Boot is for Linux.
func (m *Machine) Boot(context.Context, string, int) error { return errors.ErrUnsupported }

// Plug is for Linux.
func (m *Machine) Plug(int, map[string]volume.Device) error { return errors.ErrUnsupported }
