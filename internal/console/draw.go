package console

import (
	"io"
	"os"
	"strings"

	"github.com/mattn/go-runewidth"
	"golang.org/x/term"
)

// say writes text that stays, and below it what is redrawn. It is one write: a
// terminal shows nothing half done. The lock is held.
func (c *Console) say(text string) {
	all := c.erase() + text
	if !c.asking {
		all += c.block()
	}
	if all != "" {
		_, _ = io.WriteString(c.err, all)
	}
}

// size is that of the terminal.
func (c *Console) size() (width, height int) {
	if f, ok := c.err.w.(*os.File); ok {
		if width, height, err := term.GetSize(int(f.Fd())); err == nil && width > 0 && height > 0 {
			return width, height
		}
	}
	return 80, 24
}

// erase takes away what was redrawn last. A terminal that has become narrower
// since has broken its lines, so they are more than were written.
func (c *Console) erase() string {
	if len(c.drawn) == 0 {
		return ""
	}
	width, _ := c.size()
	rows := 0
	for _, line := range c.drawn {
		rows += max(1, (runewidth.StringWidth(line)+width-1)/width)
	}
	c.drawn = nil
	// Line by line: "erase to the end of the screen" from its top is taken for a new screen by some terminals, tmux among
	// them, which then keep the old one for scrolling back.
	return "\r\x1b[2K" + strings.Repeat("\x1b[1A\x1b[2K", rows-1)
}

// block is what is redrawn: the table, and below it the live line.
func (c *Console) block() string {
	if !c.draws() {
		return ""
	}
	width, height := c.size()
	var lines []painted
	if c.board.Active() {
		lines = c.table(width, height)
	}
	if c.live != "" {
		for _, line := range strings.Split(fit(c.live, width, height), "\n") {
			lines = append(lines, painted{text: line})
		}
	}
	var b strings.Builder
	for i, line := range lines {
		if i > 0 {
			b.WriteString("\n")
		}
		b.WriteString(c.paint(line.colour, line.text))
		c.drawn = append(c.drawn, line.text)
	}
	c.stale = false
	return b.String()
}

// painted is a line with its colour.
type painted struct{ text, colour string }

// draws tells whether anything is redrawn: not where events run over the same
// terminal.
func (c *Console) draws() bool {
	return c.terminal && !c.opts.Quiet && !c.opts.Verbose && (!c.streams || !c.out.crlf)
}

// fit cuts lines to a terminal. Where they are too many the last one, which
// sums up, stays, and the others as far as there is room.
func fit(text string, width, height int) string {
	lines := strings.Split(text, "\n")
	if height > 2 && len(lines) >= height {
		lines = append(lines[:height-3:height-3], "…", lines[len(lines)-1])
	}
	for i, line := range lines {
		lines[i] = cut(line, width-1)
	}
	return strings.Join(lines, "\n")
}

// cut is a text in at most so many columns.
func cut(text string, columns int) string {
	if columns < 1 || runewidth.StringWidth(text) <= columns {
		return text
	}
	return runewidth.Truncate(text, columns, "…")
}
