package console

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	hidden   = "********"
	shortest = 4 // a shorter secret would hide ordinary text
)

// masker knows the secrets of a run. Its zero value knows none.
type masker struct {
	mu      sync.RWMutex
	secrets []string // in all their spellings, longest first: one may begin with another
	hide    *strings.Replacer
}

// add takes a secret, as it is and as it looks in JSON, in a URL and in
// base64. Every line of one with several (a private key) is a secret too.
func (m *masker) add(secret string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range append(strings.Split(secret, "\n"), secret) {
		one = strings.TrimSpace(one)
		if len(one) < shortest {
			continue
		}
		for _, spelling := range []string{
			one, quoted(one, true), quoted(one, false), url.QueryEscape(one), url.PathEscape(one),
			base64.StdEncoding.EncodeToString([]byte(one)), base64.RawURLEncoding.EncodeToString([]byte(one)),
		} {
			if !slices.Contains(m.secrets, spelling) {
				m.secrets = append(m.secrets, spelling)
			}
		}
	}
	slices.SortStableFunc(m.secrets, func(a, b string) int { return len(b) - len(a) })
	pairs := make([]string, 0, 2*len(m.secrets))
	for _, spelling := range m.secrets {
		pairs = append(pairs, spelling, hidden)
	}
	m.hide = strings.NewReplacer(pairs...)
}

// quoted is a text as it stands inside a JSON string.
func quoted(text string, html bool) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(html)
	if enc.Encode(text) != nil {
		return text // a string always has a JSON form
	}
	return strings.TrimSuffix(strings.TrimPrefix(b.String(), `"`), "\"\n")
}

func (m *masker) mask(text string) string {
	m.mu.RLock()
	defer m.mu.RUnlock()
	if m.hide == nil {
		return text
	}
	return m.hide.Replace(text)
}

// visible is a text as people may see it.
func (m *masker) visible(text string) string { return visible(m.mask(text)) }

// stream is one of the two that infra writes to. It hides every known secret
// before it gets there; it sees whole messages, never halves of one, because
// Console writes a message with one call. Whoever reads the stream may
// go away at any time (`infra apply | head`, a closed terminal): then the rest
// goes nowhere, and the run goes on.
type stream struct {
	w      io.Writer
	change func(string) string // what is done to a message; nil: nothing
	crlf   bool                // it is a terminal, which may be one that has to be told where a line begins
}

func (s *stream) Write(p []byte) (int, error) {
	text := string(p)
	if s.change != nil {
		text = s.change(text)
	}
	if s.crlf {
		text = strings.ReplaceAll(text, "\n", "\r\n")
	}
	_, err := io.WriteString(s.w, text)
	if err != nil && !errors.Is(err, unix.EPIPE) && !errors.Is(err, unix.EIO) {
		return 0, err
	}
	return len(p), nil
}
