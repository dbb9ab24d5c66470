package volume

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"
)

// imageExtension marks the files of snapshots. They never change, so copies of
// a snapshot share one file.
const imageExtension = ".image"

// BlockBytes is the unit in which EBS stores changes.
const BlockBytes = 512 << 10

func (s *Store) imagePath(snapshot string) string {
	return filepath.Join(s.dir, snapshot+imageExtension)
}

// Image keeps what the volume of sizeGB GiB holds now as a snapshot. Whoever
// calls keeps others from writing to it meanwhile.
func (s *Store) Image(id string, sizeGB int, snapshot string) error {
	if err := checkID(snapshot); err != nil {
		return err
	}
	file, err := s.open(id, int64(sizeGB)*gib, "")
	if err != nil {
		return fmt.Errorf("snapshot volume %s: %w", id, err)
	}
	defer func() { _ = file.Close() }() // only read
	if err := s.copyTo(file, s.imagePath(snapshot)); err != nil {
		return fmt.Errorf("snapshot volume %s: %w", id, err)
	}
	return nil
}

// CopyImage makes a copy of a snapshot.
func (s *Store) CopyImage(source, snapshot string) error {
	if err := errors.Join(checkID(source), checkID(snapshot)); err != nil {
		return err
	}
	if err := os.Link(s.imagePath(source), s.imagePath(snapshot)); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("copy snapshot %s: %w", source, err)
	}
	return nil
}

// copyTo copies a sparse file, and makes path appear when it is complete.
func (s *Store) copyTo(from *os.File, path string) (err error) {
	to, err := os.CreateTemp(s.dir, "copy-")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.Remove(to.Name()))
		}
	}()
	err = errors.Join(copySparse(from, to), to.Close())
	if err != nil {
		return err
	}
	return os.Rename(to.Name(), path)
}

// copySparse copies what is not a hole.
func copySparse(from, to *os.File) error {
	info, err := from.Stat()
	if err != nil {
		return err
	}
	if err := to.Truncate(info.Size()); err != nil {
		return err
	}
	return extents(from, func(start, end int64) error {
		for at := start; at < end; {
			n, err := copyRange(from, to, at, end-at)
			if err != nil || n == 0 {
				return errors.Join(err, fmt.Errorf("copy %s at %d", from.Name(), at))
			}
			at += n
		}
		return nil
	})
}

// extents calls work with every part of a file that is not a hole.
func extents(file *os.File, work func(start, end int64) error) error {
	for end := int64(0); ; {
		start, err := unix.Seek(int(file.Fd()), end, unix.SEEK_DATA)
		if errors.Is(err, unix.ENXIO) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("look for data in %s: %w", file.Name(), err)
		}
		if end, err = unix.Seek(int(file.Fd()), start, unix.SEEK_HOLE); err != nil {
			return fmt.Errorf("look for holes in %s: %w", file.Name(), err)
		}
		if err := work(start, end); err != nil {
			return err
		}
	}
}

// Changed is how many bytes of a snapshot EBS has to store when it has base
// already: the blocks that differ. With no base, all that hold something.
func (s *Store) Changed(snapshot, base string) (stored int64, err error) {
	now, err := os.Open(s.imagePath(snapshot))
	if err != nil {
		return 0, err
	}
	defer func() { _ = now.Close() }() // only read
	var before io.ReaderAt = strings.NewReader("")
	if base != "" {
		file, err := os.Open(s.imagePath(base))
		if err != nil {
			return 0, err
		}
		defer func() { _ = file.Close() }() // only read
		before = file
	}
	next := int64(0) // block to look at
	a, b := make([]byte, BlockBytes), make([]byte, BlockBytes)
	err = extents(now, func(start, end int64) error {
		for block := max(next, start/BlockBytes); block*BlockBytes < end; block++ {
			next = block + 1
			differs, err := different(now, before, block*BlockBytes, a, b)
			if err != nil {
				return err
			}
			if differs {
				stored += BlockBytes
			}
		}
		return nil
	})
	return stored, err
}

// different compares one block; what is missing is zero.
func different(now, before io.ReaderAt, at int64, a, b []byte) (bool, error) {
	for _, one := range []struct {
		file   io.ReaderAt
		buffer []byte
	}{{now, a}, {before, b}} {
		n, err := one.file.ReadAt(one.buffer, at)
		if err != nil && !errors.Is(err, io.EOF) {
			return false, err
		}
		clear(one.buffer[n:])
	}
	return !bytes.Equal(a, b), nil
}

func checkID(id string) error {
	if id == "" || strings.ContainsAny(id, "/\x00") {
		return fmt.Errorf("%q is no volume id", id)
	}
	return nil
}
