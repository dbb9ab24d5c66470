package volume

import (
	"os"

	"golang.org/x/sys/unix"
)

// copyRange copies up to length bytes to the same place of another file, by the
// kernel, which shares them where the file system can.
func copyRange(from, to *os.File, at, length int64) (int64, error) {
	in, out := at, at
	n, err := unix.CopyFileRange(int(from.Fd()), &in, int(to.Fd()), &out, int(length), 0)
	return int64(n), err
}
