package console

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
)

func TestStreams(t *testing.T) {
	var out, errw bytes.Buffer
	c := New(strings.NewReader(""), &out, &errw, Options{})
	c.Step("planned %d", 3)
	c.Detail("hidden")
	c.Live("never without a terminal")
	c.Warn("careful")
	c.Error(fault.New(fault.Refused, "apply prod", errors.New("stale"), "infra plan prod"), "infra runbook 3")
	if err := c.WriteJSON(map[string]string{"a": "<b>"}); err != nil {
		t.Fatal(err)
	}
	if got, want := out.String(), "{\n  \"a\": \"<b>\"\n}\n"; got != want {
		t.Errorf("standard output is %q, want %q", got, want)
	}
	want := "    0s  planned 3\n    0s  warning: careful\nerror: apply prod: stale\n  next: infra plan prod\n  more: infra runbook 3\n"
	if errw.String() != want {
		t.Errorf("standard error is %q, want %q", errw.String(), want)
	}
}

func TestQuietKeepsWarnings(t *testing.T) {
	var errw bytes.Buffer
	c := New(strings.NewReader(""), &bytes.Buffer{}, &errw, Options{Quiet: true, Verbose: true})
	c.Step("step")
	c.Detail("detail")
	c.Warn("warning")
	if got := errw.String(); strings.Contains(got, "step") || strings.Contains(got, "detail") || !strings.Contains(got, "warning: warning") {
		t.Errorf("quiet says %q", got)
	}
}

func TestSecretsAreMasked(t *testing.T) {
	var errw bytes.Buffer
	c := New(strings.NewReader(""), &bytes.Buffer{}, &errw, Options{})
	c.Mask("hunter2!")
	c.Mask("abc") // too short to be told from ordinary text
	c.Step("the password is hunter2!, abc")
	if got := errw.String(); strings.Contains(got, "hunter2") || !strings.Contains(got, "********, abc") {
		t.Errorf("masked text is %q", got)
	}
}

func TestConfirmNeedsATerminal(t *testing.T) {
	c := New(strings.NewReader("prod\n"), &bytes.Buffer{}, &bytes.Buffer{}, Options{})
	if err := c.Confirm("sure?", "prod"); !errors.Is(err, ErrNoTerminal) {
		t.Errorf("got %v, want ErrNoTerminal", err)
	}
}

func TestElapsed(t *testing.T) {
	for _, c := range []struct {
		in   time.Duration
		want string
	}{
		{0, "0s"}, {59400 * time.Millisecond, "59s"}, {59600 * time.Millisecond, "1m00s"}, {62 * time.Second, "1m02s"}, {2*time.Hour + 3*time.Minute, "2h03m"},
	} {
		if got := Elapsed(c.in); got != c.want {
			t.Errorf("Elapsed(%v) = %q, want %q", c.in, got, c.want)
		}
	}
}
