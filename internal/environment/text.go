package environment

import (
	"bytes"
	"fmt"
	"unicode"
	"unicode/utf8"
)

// maxSize is the most that an environment file may hold, in bytes. Real ones
// have a few thousand; the bound keeps a wrong file from being parsed.
const maxSize = 1 << 20

// checkText finds what has no place in a text that people review: bytes that
// are not UTF-8, NUL, control and escape characters, and the invisible ones
// that make text look different from what it is. Only the first is reported.
func checkText(file string, data []byte) Problems {
	line, column := 1, 1
	for rest := data; len(rest) > 0; {
		r, size := utf8.DecodeRune(rest)
		at := Place{file, line, column}
		switch {
		case r == utf8.RuneError && size == 1:
			return Problems{{at, fmt.Sprintf("byte 0x%02x is not UTF-8 text; save the file as UTF-8", rest[0])}}
		case r == '\ufeff' && len(rest) == len(data): // a byte order mark
		case forbidden(r):
			return Problems{{at, fmt.Sprintf("the character U+%04X is not allowed: it does not print, or hides what the text says", r)}}
		case r == '\r' && !bytes.HasPrefix(rest, []byte("\r\n")):
			return Problems{{at, "a carriage return without a line feed is not allowed"}}
		}
		rest = rest[size:]
		column++
		if r == '\n' {
			line, column = line+1, 1
		}
	}
	return nil
}

// forbidden are the characters that no environment file needs: controls
// except tab and line ends, and formatting characters (bidirectional
// overrides, zero-width ones, other line separators).
func forbidden(r rune) bool {
	switch r {
	case '\t', '\n', '\r':
		return false
	}
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co)
}

// firstForbidden is the first character of text that may not be in a value,
// where a tab or a line end may not be either; false when there is none. YAML
// escapes such as "\u202e" get past checkText and end here.
func firstForbidden(text string) (rune, bool) {
	for _, r := range text {
		if forbidden(r) || r == '\t' || r == '\n' || r == '\r' || r == utf8.RuneError {
			return r, true
		}
	}
	return 0, false
}
