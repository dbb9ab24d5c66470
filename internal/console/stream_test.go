package console

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
)

func TestRow58OneMaskForBothStreams(t *testing.T) {
	const password = `pa55"word/<&>`
	const key = "-----BEGIN KEY-----\nMIIEvQIBADAN\n-----END KEY-----\n"
	var out, errw bytes.Buffer
	c := New(strings.NewReader(""), &out, &errw, Options{})
	c.Mask(password)
	c.Mask("pa55") // shorter, and the beginning of the other
	c.Mask(key)
	c.Step("the password is %s", password)
	c.Print("a URL: https://u:pa55%22word%2F%3C&%3E@h/?p=pa55%22word%2F%3C%26%3E\n")
	c.Error(fault.New(fault.Failed, "log in", errors.New("MIIEvQIBADAN is no key"), "try "+password), "")
	if err := c.WriteJSON(map[string]string{"password": password, "key": key, "base64": base64.StdEncoding.EncodeToString([]byte(password))}); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c.Out(), "plain "+password+"\n"); err != nil {
		t.Fatal(err)
	}
	for name, got := range map[string]string{"standard output": out.String(), "standard error": errw.String(), "masked": c.Masked(password)} {
		for _, secret := range []string{"word", "MIIEvQIBADAN", "cGE1NSJ3"} {
			if strings.Contains(strings.ReplaceAll(got, "password", ""), secret) {
				t.Errorf("%s shows %q:\n%s", name, secret, got)
			}
		}
		if !strings.Contains(got, hidden) {
			t.Errorf("%s: %q", name, got)
		}
	}
	if _, err := io.WriteString(c.Raw(), password); err != nil || !strings.HasSuffix(out.String(), password) {
		t.Errorf("raw output is not raw: %v", err)
	}
}

func TestRow49ControlCharactersAreEscaped(t *testing.T) {
	const evil = "a\x1b[2Jb\u202ec\u200bd\r\x00\x9b\u2028\U000E0041\xff\te\n"
	const want = `a\u001b[2Jb\u202ec\u200bd\u000d\u0000` + `\x9b` + `\u2028\udb40\udc41\xff` + "\te\n"
	for name, say := range map[string]func(*Console){
		"Step":  func(c *Console) { c.Step("%s", evil) },
		"Warn":  func(c *Console) { c.Warn("%s", evil) },
		"Print": func(c *Console) { c.Print(evil) },
		"Error": func(c *Console) { c.Error(errors.New(evil), "") },
	} {
		var errw bytes.Buffer
		say(New(strings.NewReader(""), &bytes.Buffer{}, &errw, Options{}))
		if got := errw.String(); !strings.Contains(got, want) {
			t.Errorf("%s: %q", name, got)
		}
	}
	var detail, out bytes.Buffer
	c := New(strings.NewReader(""), &out, &detail, Options{Verbose: true})
	c.Detail("%s", evil)
	if !strings.Contains(detail.String(), want) {
		t.Errorf("Detail: %q", detail.String())
	}
	if err := c.WriteJSON(evil); err != nil {
		t.Fatal(err)
	}
	var back string
	if err := json.Unmarshal(out.Bytes(), &back); err != nil || back != strings.ReplaceAll(strings.ReplaceAll(evil, "\x9b", "\ufffd"), "\xff", "\ufffd") {
		t.Errorf("JSON: %q, %v", out.String(), err)
	}
	if strings.ContainsAny(out.String(), "\x1b\u202e\u200b\u2028") {
		t.Errorf("JSON shows controls: %q", out.String())
	}
	if text := "ünïcödé 漢字 ✓ \ttab\n"; visible(text) != text {
		t.Errorf("ordinary text became %q", visible(text))
	}
}

// Whoever reads may go away: the rest goes nowhere, and nothing fails.
func TestRow03ReaderGone(t *testing.T) {
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = write.Close() }()
	if err := read.Close(); err != nil {
		t.Fatal(err)
	}
	c := New(strings.NewReader(""), write, write, Options{})
	c.Step("nobody hears this")
	if err := c.WriteJSON("nor this"); err != nil {
		t.Errorf("a closed pipe is an error: %v", err)
	}
	for err, want := range map[error]bool{unix.EIO: false, unix.ENOSPC: true} {
		_, got := (&stream{w: failing{err}}).Write([]byte("x"))
		if (got != nil) != want {
			t.Errorf("%v: got %v", err, got)
		}
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// A question that is interrupted ends at once, and the line that is typed
// later answers the next one.
func TestInterruptedQuestions(t *testing.T) {
	in, typed := io.Pipe()
	var errw bytes.Buffer
	c := New(in, &bytes.Buffer{}, &errw, Options{})
	c.asks = true
	time.AfterFunc(20*time.Millisecond, c.Interrupt)
	if err := c.Confirm("sure?", "yes"); fault.CodeOf(err) != fault.Interrupted {
		t.Fatalf("got %v", err)
	}
	if err := c.Confirm("sure?", "yes"); fault.CodeOf(err) != fault.Interrupted {
		t.Errorf("a later question: %v", err)
	}
	answers := make(chan error)
	go func() { answers <- c.ConfirmStop("stop?", "cancel") }()
	if _, err := io.WriteString(typed, "cancel\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-answers; err != nil {
		t.Errorf("the question about stopping: %v", err)
	}
	go func() { answers <- c.ConfirmStop("stop?", "cancel") }()
	if _, err := io.WriteString(typed, "no\n"); err != nil {
		t.Fatal(err)
	}
	if err := <-answers; fault.CodeOf(err) != fault.Refused {
		t.Errorf("another word: %v", err)
	}
	if !strings.Contains(errw.String(), `Type "cancel" to go on`) {
		t.Errorf("asked was %q", errw.String())
	}
}
