package console

import (
	"bufio"
	"cmp"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"infra/internal/fault"
)

// ErrNoTerminal says that a question could not be asked.
var ErrNoTerminal = errors.New("standard input is not a terminal, so nothing can be confirmed")

// prompt reads answers. One reader serves all questions: a line that is being
// waited for when its question is given up answers the next one.
type prompt struct {
	mu      sync.Mutex // one question at a time
	in      *bufio.Reader
	after   bool        // a carriage return: a line feed that follows belongs to it
	pending chan answer // the line that is being waited for; nil: none

	stopping sync.Once
	stopped  chan struct{} // closed by Interrupt
}

type answer struct {
	text string
	err  error
}

func newPrompt(in io.Reader) prompt {
	return prompt{in: bufio.NewReader(in), stopped: make(chan struct{})}
}

// Asks tells whether there is somebody to ask.
func (c *Console) Asks() bool { return c.asks }

// Confirm asks for one exact word. It returns nil when that word was typed,
// a Refused fault when anything else was, an Interrupted one when Interrupt
// was called meanwhile, and ErrNoTerminal when there is nobody to ask.
func (c *Console) Confirm(question, word string) error {
	return c.confirm(question, word, c.prompt.stopped)
}

// ConfirmStop is Confirm for the one question that makes sense while infra is
// being interrupted: whether to stop at once.
func (c *Console) ConfirmStop(question, word string) error { return c.confirm(question, word, nil) }

// Interrupt gives up the question that is open and those still to come.
func (c *Console) Interrupt() {
	c.prompt.stopping.Do(func() { close(c.prompt.stopped) })
}

func (c *Console) confirm(question, word string, stopped <-chan struct{}) error {
	text, err := c.answer(fmt.Sprintf("%s\n  Type %q to go on: ", question, word), "confirm", stopped)
	if err == nil && text != word {
		return fault.New(fault.Refused, "confirm", errors.New("the answer was not "+word), "")
	}
	return err
}

// Ask asks for a line of text. Whoever only presses return means fallback.
func (c *Console) Ask(question, fallback string) (string, error) {
	if fallback != "" {
		question += " [" + fallback + "]"
	}
	text, err := c.answer(question+": ", "ask", c.prompt.stopped)
	return cmp.Or(text, fallback), err
}

// answer shows a question and waits for a line, whose ends are trimmed.
func (c *Console) answer(question, op string, stopped <-chan struct{}) (string, error) {
	if !c.asks {
		return "", ErrNoTerminal
	}
	c.prompt.mu.Lock()
	defer c.prompt.mu.Unlock()
	c.ask(question)
	if c.prompt.pending == nil {
		pending := make(chan answer, 1)
		go func() {
			text, err := c.prompt.line()
			pending <- answer{text, err}
		}()
		c.prompt.pending = pending
	}
	select {
	case got := <-c.prompt.pending:
		c.prompt.pending = nil
		c.asked("")
		if got.err != nil && !errors.Is(got.err, io.EOF) {
			return "", fmt.Errorf("read the answer: %w", got.err)
		}
		return strings.TrimSpace(got.text), nil
	case <-stopped:
		c.asked("\n")
		return "", fault.New(fault.Interrupted, op, errors.New("interrupted before there was an answer"), "")
	}
}

// line reads to the end of a line: a line feed, a carriage return, or both. A
// terminal that translates nothing sends what the key sends.
func (p *prompt) line() (string, error) {
	var text []byte
	for {
		b, err := p.in.ReadByte()
		if err != nil {
			return string(text), err
		}
		second := p.after && b == '\n'
		p.after = b == '\r'
		switch {
		case second: // the end of the line before
		case b == '\n', b == '\r':
			return string(text), nil
		default:
			text = append(text, b)
		}
	}
}

// ask shows a question and keeps what is redrawn away from it until asked.
func (c *Console) ask(question string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = true
	c.say(c.secrets.visible(question))
}

func (c *Console) asked(end string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.asking = false
	c.say(end)
}
