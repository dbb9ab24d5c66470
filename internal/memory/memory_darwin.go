// Package memory asks the kernel how much memory programs may still take.
package memory

import (
	"fmt"

	"golang.org/x/sys/unix"
)

// Look is what a person types to see more.
const Look = "memory_pressure -Q"

// Available is what programs may still take, in bytes: of all memory the share
// that the kernel calls free, as memory_pressure(1) shows it.
func Available() (uint64, error) {
	total, err := unix.SysctlUint64("hw.memsize")
	if err != nil {
		return 0, fmt.Errorf("read hw.memsize: %w", err)
	}
	percent, err := unix.SysctlUint32("kern.memorystatus_level")
	if err != nil {
		return 0, fmt.Errorf("read kern.memorystatus_level: %w", err)
	}
	return total / 100 * uint64(percent), nil
}
