package report

import (
	_ "embed"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"
	"time"
)

// Page is a report as one HTML file that needs nothing else: no script, no
// font, no picture from anywhere. It follows the reader's choice of light or
// dark, and can be read by keyboard and screen reader, and printed. Every text is
// escaped; a picture is SVG that Write has checked.
type Page struct {
	Title    string
	Made     time.Time
	Good     bool   // the colour of the verdict
	Verdict  string // one sentence
	Facts    []Fact
	Sections []Section
}

// Fact is a name and its value.
type Fact struct{ Name, Value string }

// Section is a part of a page; what is empty is left out.
type Section struct {
	Title   string
	Text    string
	Table   *Table
	Picture string // SVG; its colours are the classes and variables of page.css
	Caption string // of the picture
}

// Table is rows of cells below the names of the columns.
type Table struct {
	Columns []string
	Rows    [][]Cell
}

// Heads are the names of the columns, those of numbers to the right like them.
func (t Table) Heads() []Cell {
	heads := Cells(t.Columns...)
	for i := range heads {
		if len(t.Rows) > 0 && i < len(t.Rows[0]) && t.Rows[0][i].Mark == Number {
			heads[i].Mark = Number
		}
	}
	return heads
}

// Mark is how a cell is to be seen.
type Mark string

// The marks; they are classes of page.css.
const (
	Plain   Mark = ""
	Good    Mark = "good"
	Bad     Mark = "bad"
	Number  Mark = "number"  // set to the right
	Literal Mark = "literal" // a command, an identifier
)

// Cell is one text of a table.
type Cell struct {
	Text string
	Mark Mark
}

// Class is how the style names the cell. Long words, such as paths, may be broken
// anywhere; where all might be, a narrow column would break every word.
func (c Cell) Class() string {
	const long = 20 // letters
	class := string(c.Mark)
	if slices.ContainsFunc(strings.Fields(c.Text), func(word string) bool { return len(word) > long }) {
		class = strings.TrimSpace(class + " long")
	}
	return class
}

// Cells are plain texts as a row.
func Cells(texts ...string) []Cell {
	row := make([]Cell, len(texts))
	for i, text := range texts {
		row[i] = Cell{Text: text}
	}
	return row
}

//go:embed page.html
var pageHTML string

//go:embed page.css
var pageCSS string

// entry is a line of the contents.
type entry struct{ ID, Title string }

// contents lead to the sections of a page that has several.
func (p Page) contents() []entry {
	var all []entry
	for i, s := range p.Sections {
		if s.Title != "" {
			all = append(all, entry{anchor(i), s.Title})
		}
	}
	if len(all) < 3 {
		return nil
	}
	return all
}

func anchor(section int) string { return fmt.Sprintf("s%d", section+1) }

// Write renders the page.
func (p Page) Write(w io.Writer) error {
	// The style sheet is ours and holds nothing that came from outside.
	style := template.CSS(pageCSS) //nolint:gosec // a constant of the program
	page, err := template.New("page").Funcs(template.FuncMap{"picture": picture, "anchor": anchor}).Parse(pageHTML)
	if err != nil {
		return fmt.Errorf("render the page %q: %w", p.Title, err)
	}
	if err := page.Execute(w, map[string]any{"Page": p, "Style": style, "Contents": p.contents(), "Made": p.Made.UTC().Format("2006-01-02 15:04:05 UTC")}); err != nil {
		return fmt.Errorf("render the page %q: %w", p.Title, err)
	}
	return nil
}
