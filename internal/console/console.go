// Package console is what infra says and asks. Machine data goes to standard
// output; everything meant for a person goes to standard error, one line an
// event, with a live table or line below them on a terminal.
package console

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"golang.org/x/term"

	"infra/internal/fault"
	"infra/internal/progress"
)

// Options are the global flags that decide how infra speaks.
type Options struct {
	JSON    bool // --output json: data on standard output as JSON
	NoColor bool // --no-color or NO_COLOR
	Quiet   bool // --quiet: warnings and errors only
	Verbose bool // --verbose: every event
	Plain   bool // --plain or INFRA_PLAIN: lines only, nothing is drawn over
}

// Console is safe for use by many goroutines.
type Console struct {
	opts     Options
	secrets  *masker
	out      *stream
	err      *stream
	terminal bool // standard error is a terminal that can redraw a line
	asks     bool // standard input is a terminal, so questions make sense
	started  time.Time
	prompt   prompt

	mu      sync.Mutex
	board   progress.Board
	streams bool          // events go to standard output
	ticks   chan struct{} // closed to end the redrawing of the table; nil: it is not redrawn
	stale   bool          // the table shows less than the board knows
	live    string
	drawn   []string // lines that stand at the bottom, without colours
	asking  bool     // a question stands on the last line: nothing may be drawn over it
}

// New makes a Console over the given streams. Colour, the table and the live
// line are used only when errw is a terminal that can draw over itself.
func New(in io.Reader, out, errw io.Writer, opts Options) *Console {
	secrets := &masker{}
	c := &Console{
		opts: opts, secrets: secrets, out: &stream{w: out, change: secrets.visible}, err: &stream{w: errw, change: secrets.mask},
		started: time.Now(), prompt: newPrompt(in),
	}
	c.err.crlf, c.out.crlf = isTerminal(errw), isTerminal(out)
	c.terminal = c.err.crlf && !opts.Plain && os.Getenv("TERM") != "dumb"
	c.asks = isTerminal(in)
	return c
}

func isTerminal(stream any) bool {
	f, ok := stream.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// JSON tells whether data goes to standard output as JSON.
func (c *Console) JSON() bool { return c.opts.JSON }

// Out is where data goes, without known secrets and with control characters
// spelled out. One message a write: a secret in two halves is not seen. That
// nobody reads it any more is no error.
func (c *Console) Out() io.Writer { return c.out }

// Raw is Out without any change, for what was asked for as it is, such as a
// whole state.
func (c *Console) Raw() io.Writer { return &stream{w: c.out.w} }

// Mask hides a secret in everything that is said from now on, on both streams.
func (c *Console) Mask(secret string) { c.secrets.add(secret) }

// Masked is a text as the console would say it, for records that outlive it.
func (c *Console) Masked(text string) string { return c.secrets.mask(text) }

// Shown is a text as people see it on a stream: without secrets, and with
// control characters spelled out. It is for files that others will look at.
func (c *Console) Shown(text string) string { return c.secrets.visible(text) }

// Step says that something began or ended: one line, kept.
func (c *Console) Step(format string, args ...any) {
	if c.opts.Quiet {
		return
	}
	c.line("", fmt.Sprintf(format, args...))
}

// Detail is a Step that only --verbose shows.
func (c *Console) Detail(format string, args ...any) {
	if c.opts.Verbose && !c.opts.Quiet {
		c.line("2", fmt.Sprintf(format, args...))
	}
}

// Warn says something that the user should look at; --quiet keeps it.
func (c *Console) Warn(format string, args ...any) {
	c.line("33", "warning: "+fmt.Sprintf(format, args...))
}

// Print writes text for people as it is, without a time in front.
func (c *Console) Print(text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(c.secrets.visible(text))
}

// Terminal tells whether there is a live table or line.
func (c *Console) Terminal() bool { return c.terminal }

// Live sets the line, or the lines, that are redrawn at the bottom of a
// terminal; empty removes them. Without a terminal nothing is shown.
func (c *Console) Live(format string, args ...any) {
	if !c.draws() {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live = ""
	if format != "" {
		c.live = c.secrets.visible(fmt.Sprintf(format, args...))
	}
	c.say("")
}

// Error shows an error with the command that mends it, and the one that tells
// more, where there is one.
func (c *Console) Error(err error, more string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.live, c.board = "", progress.Board{}
	text := "error: " + err.Error()
	if hint := fault.HintOf(err); hint != "" {
		text += "\n  next: " + strings.ReplaceAll(hint, "\n", "\n        ")
	}
	if more != "" {
		text += "\n  more: " + more
	}
	c.say(c.paint("31", c.secrets.visible(text)) + "\n")
}

// WriteJSON puts v on standard output, with a final newline: indented, or in
// one line where events go before it.
func (c *Console) WriteJSON(v any) error {
	enc := json.NewEncoder(c.out)
	if !c.streams {
		enc.SetIndent("", "  ")
	}
	enc.SetEscapeHTML(false)
	return enc.Encode(v)
}

func (c *Console) line(colour, text string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.say(c.paint(colour, fmt.Sprintf("%6s  %s", Elapsed(time.Since(c.started)), c.secrets.visible(text))) + "\n")
}

func (c *Console) paint(colour, text string) string {
	if colour == "" || !c.terminal || c.opts.NoColor {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

// Elapsed writes a duration for people: 4s, 1m02s, 2h03m.
func Elapsed(d time.Duration) string {
	s := int(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf("%ds", s)
	case s < 3600:
		return fmt.Sprintf("%dm%02ds", s/60, s%60)
	default:
		return fmt.Sprintf("%dh%02dm", s/3600, s%3600/60)
	}
}

// Count writes a number of things for people: 1 host, 3 hosts.
func Count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
