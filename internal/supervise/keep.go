package supervise

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// Keep is a file that a tool leaves behind where it must not stay. It is moved
// when the tool has ended, by the supervisor, since infra may be gone by then;
// only its owner can read it. A file that was there before is left alone.
type Keep struct{ From, To string }

// Look notes what stands where the tool may leave its file; nil is nothing.
func (k Keep) Look() fs.FileInfo {
	info, err := os.Lstat(k.From)
	if err != nil {
		return nil
	}
	return info
}

// move puts a file that the tool has left to where it is kept. before is what
// stood there when the tool was started. Nothing is ever overwritten: should
// it not work, the file stays where it is.
func (k Keep) move(before fs.FileInfo) error {
	now, err := os.Lstat(k.From)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("keep what the tool has left: %w", err)
	}
	if before != nil && os.SameFile(before, now) && before.ModTime().Equal(now.ModTime()) && before.Size() == now.Size() {
		return nil // it is somebody else's
	}
	data, err := os.ReadFile(k.From)
	if err != nil {
		return fmt.Errorf("keep what the tool has left: %w", err)
	}
	// Copied, not renamed: the two may be on different file systems, and a copy
	// can insist on a new file.
	to, err := os.OpenFile(k.To, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("keep what the tool has left in %s: %w", k.From, err)
	}
	_, err = to.Write(data)
	if err = errors.Join(err, to.Sync(), to.Close()); err != nil {
		return errors.Join(fmt.Errorf("keep what the tool has left in %s: %w", k.From, err), os.Remove(k.To))
	}
	if err := os.Remove(k.From); err != nil {
		return fmt.Errorf("keep what the tool has left: %w", err)
	}
	return nil
}
