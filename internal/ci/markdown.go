package ci

import (
	"fmt"
	"html"
	"strings"
)

// cell is a text that stands for itself in Markdown, also within a table:
// nothing in it becomes a link, a mention, HTML or another column.
func cell(text string) string {
	text = html.EscapeString(strings.Join(strings.Fields(text), " "))
	return strings.NewReplacer(
		"|", `\|`, "`", "\\`", "*", `\*`, "_", `\_`, "[", `\[`, "]", `\]`, "~", `\~`, "@", "@\u2060", "#", "#\u2060",
	).Replace(text)
}

// literal is a text in code, within a table.
func literal(text string) string {
	return "<code>" + strings.NewReplacer("|", "&#124;", "`", "&#96;", "*", "&#42;", "_", "&#95;", "[", "&#91;", "]", "&#93;", "@", "&#64;", "~", "&#126;").Replace(html.EscapeString(text)) + "</code>"
}

// fence is a block that shows a text as it is. Its marks are longer than any
// in the text, which so cannot end it.
func fence(language, text string) string {
	longest, run := 2, 0
	for _, r := range text {
		if r != '`' {
			run = 0
			continue
		}
		run++
		longest = max(longest, run)
	}
	marks := strings.Repeat("`", longest+1)
	return marks + language + "\n" + strings.TrimRight(text, "\n") + "\n" + marks + "\n\n"
}

// list names some things and counts the rest.
func list(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// clipWords shortens a message, at a character's end.
func clipWords(text string, most int) string {
	if len(text) <= most {
		return text
	}
	return strings.ToValidUTF8(text[:most], "") + " ..."
}
