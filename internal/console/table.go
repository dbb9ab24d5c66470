package console

import (
	"fmt"
	"strings"
	"time"

	"github.com/mattn/go-runewidth"

	"infra/internal/progress"
)

// table is the board as lines, for a terminal of that size: a row for every
// stack, layer and host, and a last line that sums up.
func (c *Console) table(width, height int) []painted {
	now := time.Now()
	rows := c.board.Rows()
	for i := range rows {
		rows[i].Name, rows[i].Now = c.secrets.visible(rows[i].Name), c.secrets.visible(rows[i].Now)
	}
	return append(tableLines(rows, now, width, height-2), painted{text: cut(summary(&c.board, rows, now), width-1)})
}

// Below narrow there is no room for what runs now, below small none for how long
// it is expected to take.
const narrow, small = 76, 56

// tableLines are the rows of a table. Where they are more than there is room
// for, those that have nothing to tell go first.
func tableLines(rows []progress.Row, now time.Time, width, height int) []painted {
	shown, hidden := crowd(rows, height)
	var cells [][]string
	columns := 4
	if width < narrow {
		columns = 3
	}
	widths := make([]int, columns)
	for _, r := range shown {
		line := []string{indent(r) + r.Name, word(r), count(r), clock(r, now)}
		if width < narrow {
			took := clock(r, now)
			if width < small {
				took = elapsed(r, now)
			}
			line = []string{line[0], line[1], strings.TrimSpace(count(r) + " " + took)}
		}
		for i, cell := range line {
			widths[i] = max(widths[i], runewidth.StringWidth(cell))
		}
		cells = append(cells, line)
	}
	if len(widths) > 0 {
		widths[0] = min(widths[0], max(12, width/3))
	}
	var lines []painted
	for i, r := range shown {
		var b strings.Builder
		for j, cell := range cells[i] {
			b.WriteString(runewidth.FillRight(cut(cell, widths[j]), widths[j]) + "  ")
		}
		if width >= narrow {
			b.WriteString(doing(r))
		}
		lines = append(lines, painted{cut(strings.TrimRight(b.String(), " "), width-1), colour(r)})
	}
	if hidden > 0 {
		lines = append(lines, painted{cut(fmt.Sprintf("… and %s", Count(hidden, "more row")), width-1), "2"})
	}
	return lines
}

// crowd leaves rows out until there is room: parts that are done, then parts
// that wait, then any other part, then the last ones.
func crowd(rows []progress.Row, height int) (shown []progress.Row, hidden int) {
	height = max(height, 2)
	all := len(rows)
	for _, dull := range []func(progress.Row) bool{
		func(r progress.Row) bool { return r.Part && r.State == progress.Done },
		func(r progress.Row) bool { return r.Part && r.State == progress.Idle },
		func(r progress.Row) bool { return r.Part && r.State != progress.Broken },
		func(progress.Row) bool { return true },
	} {
		for i := len(rows) - 1; i >= 0 && len(rows) > room(height, all, len(rows)); i-- {
			if dull(rows[i]) {
				rows = append(rows[:i:i], rows[i+1:]...)
			}
		}
	}
	return rows, all - len(rows)
}

// room is how many rows fit: one less once some are left out, for the line that
// says so.
func room(height, all, left int) int {
	if left < all || all > height {
		return height - 1
	}
	return height
}

func indent(r progress.Row) string {
	if r.Part {
		return "  "
	}
	return ""
}

// word is what a row does, or how it ended.
func word(r progress.Row) string {
	if r.State != progress.Working {
		return string(r.State)
	}
	if r.Part {
		return "working"
	}
	switch r.Step {
	case progress.Planning:
		return "planning"
	case progress.Comparing:
		return "comparing"
	case progress.Applying:
		return "applying"
	case progress.Waiting:
		return "reaching"
	case progress.Configuring:
		return "configuring"
	case progress.Checking:
		return "checking"
	default:
		return string(r.State)
	}
}

// done is how much of a row is done: 12/61, or 12 while nobody knows of how
// many.
func done(r progress.Row) string {
	switch {
	case r.All > 0:
		return fmt.Sprintf("%d/%d", r.Done, max(r.All, r.Done))
	case r.Done > 0:
		return fmt.Sprint(r.Done)
	default:
		return ""
	}
}

// count is done, and what failed.
func count(r progress.Row) string {
	if r.Failed == 0 {
		return done(r)
	}
	return fmt.Sprintf("%s %d failed", done(r), r.Failed)
}

func elapsed(r progress.Row, now time.Time) string {
	if r.Began.IsZero() {
		return ""
	}
	return Elapsed(r.Elapsed(now))
}

// clock is how long a row has taken, of how much is expected.
func clock(r progress.Row, now time.Time) string {
	text := elapsed(r, now)
	switch {
	case r.Expected <= 0 || !r.Ended.IsZero():
		return text
	case text == "":
		return "~" + Elapsed(r.Expected)
	default:
		return text + " of ~" + Elapsed(r.Expected)
	}
}

// doing is what runs now. The row of a layer need not be said again.
func doing(r progress.Row) string {
	now := r.Now
	if r.Part {
		now = strings.TrimPrefix(now, "module."+r.Name+".")
	}
	if now == "" || r.Running < 2 {
		return now
	}
	return fmt.Sprintf("%d: %s", r.Running, now)
}

func colour(r progress.Row) string {
	switch r.State {
	case progress.Done:
		return "32"
	case progress.Broken:
		return "31"
	case progress.Idle:
		return "2"
	default:
		return ""
	}
}

// summary is the last line: what goes on, for how long, and how long it may
// still take.
func summary(b *progress.Board, rows []progress.Row, now time.Time) string {
	var parts []string
	began := b.Began
	if b.Run != "" {
		parts = append(parts, b.Verb+" of "+b.Environment)
	} else {
		for _, r := range rows {
			if began.IsZero() || (!r.Began.IsZero() && r.Began.Before(began)) {
				began = r.Began
			}
		}
	}
	if !began.IsZero() {
		parts = append(parts, Elapsed(now.Sub(began)))
	}
	if left := b.Left(now); left > 0 {
		parts = append(parts, "~"+Elapsed(left)+" to go")
	}
	if b.Warnings > 0 {
		parts = append(parts, Count(b.Warnings, "warning"))
	}
	return strings.Join(parts, ", ")
}
