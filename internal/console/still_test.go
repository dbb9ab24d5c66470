package console

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// said is a stream that can be read while it is written.
type said struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// What takes long says so again and again, until it has ended.
func TestRow12SlownessIsTold(t *testing.T) {
	t.Parallel()
	var out, errw said
	c := New(strings.NewReader(""), &out, &errw, Options{})
	stop := c.still("stack: applying", "", time.Millisecond)
	for deadline := time.Now().Add(time.Minute); strings.Count(errw.String(), "stack: applying: still at it after ") < 3; {
		if time.Now().After(deadline) {
			t.Fatalf("it says %q", errw.String())
		}
		time.Sleep(time.Millisecond)
	}
	stop()
	stop()
	before := errw.String()
	time.Sleep(20 * time.Millisecond)
	if after := errw.String(); strings.Count(after, "\n") > strings.Count(before, "\n")+1 || out.String() != "" {
		t.Errorf("after the end it goes on: %q", strings.TrimPrefix(after, before))
	}
}
