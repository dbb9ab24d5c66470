package console

import (
	"io"
	"strings"
	"sync"
)

// maskWriter replaces every known secret before it reaches the stream. It
// sees whole messages, never halves of one, because Console writes a message
// with one call.
type maskWriter struct {
	w       io.Writer
	mu      sync.RWMutex
	secrets []string
}

func newMaskWriter(w io.Writer) *maskWriter { return &maskWriter{w: w} }

// add takes a secret; very short ones would hide ordinary text and are left.
func (m *maskWriter) add(secret string) {
	if len(secret) < 4 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.secrets = append(m.secrets, secret, "********")
}

func (m *maskWriter) Write(p []byte) (int, error) {
	m.mu.RLock()
	text := strings.NewReplacer(m.secrets...).Replace(string(p))
	m.mu.RUnlock()
	if _, err := io.WriteString(m.w, text); err != nil {
		return 0, err
	}
	return len(p), nil
}
