package console

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// visible is a text with everything in it to be seen: control characters other
// than tab and line feed, those that change the direction of text or have no
// width, and bytes that are not UTF-8 are spelled out. What the cloud, a host
// or a provider says can so neither move the cursor nor look like something
// else. The spelling is that of JSON, where the text is a part of it.
func visible(text string) string {
	if !strings.ContainsFunc(text, func(r rune) bool { return hides(r) || r == utf8.RuneError }) {
		return text
	}
	var b strings.Builder
	for rest := text; rest != ""; {
		r, size := utf8.DecodeRuneInString(rest)
		switch {
		case r == utf8.RuneError && size == 1:
			fmt.Fprintf(&b, `\x%02x`, rest[0])
		case !hides(r):
			b.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				fmt.Fprintf(&b, `\u%04x`, unit)
			}
		}
		rest = rest[size:]
	}
	return b.String()
}

func hides(r rune) bool {
	return r != '\n' && r != '\t' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}
