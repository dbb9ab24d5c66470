package console

import (
	"bytes"
	"io"
	"sync"
)

// Lines is a writer whose every line becomes a Detail: what installers
// print is of interest only when something goes wrong or is watched.
func (c *Console) Lines() io.Writer { return &lineWriter{con: c} }

type lineWriter struct {
	con  *Console
	mu   sync.Mutex
	rest []byte
}

func (w *lineWriter) Write(data []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.rest = append(w.rest, data...)
	for {
		line, rest, found := bytes.Cut(w.rest, []byte{'\n'})
		if !found {
			return len(data), nil
		}
		if text := string(bytes.TrimSpace(line)); text != "" {
			w.con.Live("%s", text)
			w.con.Detail("%s", text)
		}
		w.rest = rest
	}
}
