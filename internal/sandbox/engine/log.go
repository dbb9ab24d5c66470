package engine

import (
	"os"
	"strings"
)

// LastLine is the last thing a log says, for an error that must fit on a line.
func LastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil || len(data) == 0 {
		return "it wrote nothing"
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}
