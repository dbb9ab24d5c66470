package report

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

const hostile = `<script>alert("x")</script>`

func page() Page {
	return Page{
		Title: "Restore of prod " + hostile, Made: time.Date(2026, 11, 22, 15, 4, 5, 0, time.UTC), Good: true, Verdict: "Everything was restored " + hostile,
		Facts: []Fact{{Name: "Backup" + hostile, Value: "20261122-150405F" + hostile}},
		Sections: []Section{
			{Title: "Checks" + hostile, Text: "What was asked." + hostile, Table: &Table{
				Columns: []string{"Check" + hostile, "Result"},
				Rows:    [][]Cell{{{Text: "amcheck" + hostile}, {Text: "passed", Mark: Good}}, Cells("rows", "1000")},
			}},
			{Picture: `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text x="1" class="good">a &lt; b</text></svg>`, Caption: "The chain" + hostile},
			{Title: "Nothing"},
		},
	}
}

func render(t *testing.T, p Page) string {
	t.Helper()
	var b strings.Builder
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestPageNeedsNothingElse(t *testing.T) {
	text := render(t, page())
	for _, reference := range []string{`(?i)https?:`, `(?i)\b(src|action|data)\s*=`, `(?i)\bhref\s*=\s*"?[^"#]`, `(?i)url\(`, `(?i)@import`, `(?i)<(link|img|script|iframe|object|embed|base)\b`} {
		if found := regexp.MustCompile(reference).FindString(text); found != "" {
			t.Errorf("the page refers to something outside of it: %q", found)
		}
	}
	if !strings.Contains(text, "default-src 'none'") {
		t.Error("the page does not forbid what it does not need")
	}
}

func TestPageEscapes(t *testing.T) {
	text := render(t, page())
	if strings.Contains(text, "<script") {
		t.Errorf("a text became markup:\n%s", text)
	}
	if n := strings.Count(text, "&lt;script&gt;"); n != 11 { // the title stands twice, and so does a section's that has a table
		t.Errorf("%d hostile texts are shown, want 11", n)
	}
	if !strings.Contains(text, "a &lt; b") {
		t.Error("the picture's text is not escaped again")
	}
}

func TestPageIsLightAndDark(t *testing.T) {
	text := render(t, page())
	for _, want := range []string{"color-scheme: light dark", "prefers-color-scheme: dark", `<p class="verdict good">`, `<td class="good">passed</td>`, "<td>1000</td>", "2026-11-22 15:04:05 UTC"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	failed := page()
	failed.Good = false
	if !strings.Contains(render(t, failed), `<p class="verdict bad">`) {
		t.Error("a bad verdict looks like a good one")
	}
}

func TestPictureIsRefused(t *testing.T) {
	for name, svg := range map[string]string{
		"no SVG":       `plain`,
		"empty":        ``,
		"broken":       `<svg><g></svg>`,
		"another root": `<html><svg></svg></html>`,
		"script":       `<svg><script>x</script></svg>`,
		"style sheet":  `<svg><style>@import "x"</style></svg>`,
		"event":        `<svg onload="x"></svg>`,
		"link":         `<svg xmlns:xlink="http://www.w3.org/1999/xlink"><path xlink:href="x"/></svg>`,
		"reference":    `<svg><rect fill="URL(x)"/></svg>`,
		"image":        `<svg><image href="x"/></svg>`,
		"foreign":      `<svg><foreignObject/></svg>`,
	} {
		if html, err := picture(svg); err == nil {
			t.Errorf("%s: became %q", name, html)
		}
	}
}
