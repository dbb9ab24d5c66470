package supervise

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"
)

const (
	// gather is how long a tail waits for more before it copies: soon enough
	// for a person who watches, and many lines at once.
	gather = 20 * time.Millisecond
	// pause is how often a tail looks where the kernel does not tell that a
	// file has grown.
	pause = 250 * time.Millisecond
)

// tail copies what is appended to a file.
type tail struct {
	file   *os.File // the tool writes to it
	to     *os.File
	mu     sync.Mutex
	offset int64 // how far it is copied
	buffer []byte
	deaf   bool // whoever read what is copied has gone away
}

// openTail opens a file for appending, and for copying what is appended.
func openTail(path string, to *os.File) (*tail, error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the tool's log: %w", err)
	}
	end, err := file.Seek(0, io.SeekEnd)
	if err != nil {
		return nil, fmt.Errorf("find the end of the tool's log: %w", err)
	}
	return &tail{file: file, offset: end, to: to, buffer: make([]byte, 64<<10)}, nil
}

// follow copies what tails have, again and again, for as long as the process
// lives. It delays no end: whoever sees the tool end copies the rest.
func follow(tails ...*tail) {
	grown := growth(tails)
	for {
		grown()
		for _, t := range tails {
			t.copy()
		}
	}
}

// copy copies what is there. Nobody being there to read it is no error: the
// file has all of it.
func (t *tail) copy() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for !t.deaf {
		n, err := t.file.ReadAt(t.buffer, t.offset)
		t.offset += int64(n)
		if n > 0 {
			if _, err := t.to.Write(t.buffer[:n]); err != nil {
				t.deaf = true
			}
		}
		if err != nil {
			return // the end of the file, for now
		}
	}
}
