package environment

import (
	"reflect"
	"strconv"
	"strings"
)

// quoted is text in quotes, with everything escaped that does not print.
func quoted(text string) string { return strconv.Quote(shortened(text)) }

// shortened keeps a message readable when a value is not.
func shortened(text string) string {
	const most = 60
	if runes := []rune(text); len(runes) > most {
		return string(runes[:most]) + "..."
	}
	return text
}

// where completes "unknown key ...": in which map.
func where(path string) string {
	if path == "" {
		return "at the top"
	}
	return "in " + path
}

func title(path string) string {
	if path == "" {
		return "the file"
	}
	return path
}

func oneOf(values []string) string {
	if len(values) == 1 {
		return values[0]
	}
	last := len(values) - 1
	return strings.Join(values[:last], ", ") + " or " + values[last]
}

func kindWords(kind reflect.Kind) string {
	switch kind {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	default:
		return "a text"
	}
}
