package rollout

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"infra/internal/account"
	"infra/internal/fault"
	"infra/internal/trace"
)

// Infra calls infra itself, for one environment at a time.
type Infra struct {
	Executable string
	Project    string
	Variables  []string // NAME=value, over those of this process
}

// Answer is how a call ended.
type Answer struct {
	Exit  fault.Code
	Out   []byte // standard output: JSON
	Said  []byte // standard error
	Error string // what it said was wrong
	Hint  string // and what to type
}

// Failed tells whether the call could not do what it was for.
func (a Answer) Failed() bool { return a.Exit != fault.OK && a.Exit != fault.Differences }

// Call runs infra with arguments, its messages going to the end of the file
// log. It has a process group of its own: a Ctrl-C at the terminal concerns it
// only through ctx, whose end interrupts it once; it saves everything before it
// ends. Neither its output nor its life hang on this process: when this one is
// killed, it goes on to its end, and the ledger tells what that was.
func (i Infra) Call(ctx context.Context, log string, args ...string) (Answer, error) {
	failed := func(err error) error {
		return fault.New(fault.Failed, "start infra "+strings.Join(args, " "), err, "")
	}
	messages, err := os.OpenFile(log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return Answer{}, failed(err)
	}
	defer func() { _ = messages.Close() }() // infra has written it
	from, err := messages.Seek(0, io.SeekEnd)
	if err != nil {
		return Answer{}, failed(err)
	}
	data, err := os.CreateTemp(filepath.Dir(log), "*.json") // its own: an infra whose caller was killed may still write
	if err != nil {
		return Answer{}, failed(err)
	}
	defer func() { _ = errors.Join(data.Close(), os.Remove(data.Name())) }() // it was read
	cmd := exec.CommandContext(ctx, i.Executable, append([]string{"-C", i.Project, "--output", "json", "--no-color"}, args...)...)
	cmd.Stdout, cmd.Stderr = data, messages
	cmd.Env = slices.Concat(os.Environ(), account.Pairs(trace.Carry(ctx)), i.Variables)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGINT) }
	err = cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) && cmd.ProcessState == nil {
		return Answer{}, failed(err)
	}
	answer := Answer{Exit: fault.Code(cmd.ProcessState.ExitCode())}
	out, err := os.ReadFile(data.Name())
	if err != nil {
		return Answer{}, failed(err)
	}
	answer.Out = document(out)
	said, err := os.ReadFile(log)
	if err != nil {
		return Answer{}, failed(err)
	}
	answer.Said = said[min(from, int64(len(said))):]
	answer.Error, answer.Hint = explained(answer.Said)
	if answer.Exit < 0 {
		answer.Exit, answer.Error = fault.Failed, fmt.Sprintf("infra %s was killed (%s)", args[0], cmd.ProcessState)
	}
	return answer, nil
}

// document is the last of the JSON documents in what an infra has printed: the
// events of what it did go before it. It is empty where there is none.
func document(out []byte) []byte {
	var last json.RawMessage
	for documents := json.NewDecoder(bytes.NewReader(out)); ; {
		var next json.RawMessage
		if documents.Decode(&next) != nil {
			return last
		}
		last = next
	}
}

// explained finds what an infra that has failed said last: the error, and the
// command that mends it.
func explained(said []byte) (message, hint string) {
	text := "\n" + string(said)
	at := strings.LastIndex(text, "\nerror: ")
	if at < 0 {
		return "", ""
	}
	message, _, _ = strings.Cut(text[at+len("\nerror: "):], "\n  more: ")
	message, hint, _ = strings.Cut(message, "\n  next: ")
	return strings.TrimSpace(message), strings.TrimSpace(strings.ReplaceAll(hint, "\n        ", "\n"))
}

// lastLines is how much of a log is looked at for its last line.
const lastLines = 4 << 10

// Doing is the last line of a log: what its infra is at. Empty when there is
// none.
func Doing(log string) string {
	file, err := os.Open(log)
	if err != nil {
		return ""
	}
	defer func() { _ = file.Close() }() // it was only read
	if size, err := file.Seek(0, io.SeekEnd); err == nil {
		_, _ = file.Seek(max(0, size-lastLines), io.SeekStart) // else from its start
	}
	data, err := io.ReadAll(file)
	if err != nil {
		return ""
	}
	lines := bytes.Split(bytes.TrimSpace(data), []byte("\n"))
	line := strings.TrimSpace(string(lines[len(lines)-1]))
	// A line begins with how long infra has been running: "  12s  baseline/acme: applying".
	if _, text, found := strings.Cut(line, "  "); found {
		return text
	}
	return line
}
