package console

import (
	"bytes"
	"io"
	"sync"
)

// Lines is a writer for what another program prints. The first line says what is
// being made and becomes a Step; the rest, of interest only when something
// goes wrong or is watched, becomes Details.
func (c *Console) Lines() io.Writer { return &lineWriter{con: c} }

type lineWriter struct {
	con  *Console
	mu   sync.Mutex
	rest []byte
	told bool
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
			if !w.told {
				w.told = true
				w.con.Step("%s", text)
			} else {
				w.con.Live("%s", text)
				w.con.Detail("%s", text)
			}
		}
		w.rest = rest
	}
}
