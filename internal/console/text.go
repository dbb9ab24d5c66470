package console

import (
	"cmp"
	"fmt"
	"strings"
	"text/tabwriter"
	"unicode"
)

// Plain keeps what servers and services said from steering the terminal.
func Plain(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
}

// Size is a number of bytes for people.
func Size(bytes int64) string {
	switch {
	case bytes < 10<<10:
		return fmt.Sprintf("%d B", bytes)
	case bytes < 10<<20:
		return fmt.Sprintf("%d KiB", bytes>>10)
	default:
		return fmt.Sprintf("%d MiB", bytes>>20)
	}
}

// Table writes aligned rows, each after the indent. Cells are made Plain, and
// an empty one is a dash.
func Table(b *strings.Builder, indent string, rows ...[]string) {
	t := tabwriter.NewWriter(b, 0, 0, 2, ' ', 0) // a Builder never fails
	for _, row := range rows {
		for i, cell := range row {
			row[i] = cmp.Or(Plain(cell), "-")
		}
		_, _ = fmt.Fprintln(t, indent+strings.Join(row, "\t"))
	}
	_ = t.Flush()
}

// Columns aligns rows as they are, without spaces at the ends of their lines.
func Columns(rows [][]string) string {
	var b strings.Builder
	t := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0) // a Builder never fails
	for _, row := range rows {
		_, _ = fmt.Fprintln(t, strings.Join(row, "\t"))
	}
	_ = t.Flush()
	var lines []string
	for line := range strings.Lines(b.String()) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n") + "\n"
}
