package engine

import (
	"os"
	"strings"
)

// lastLine is the last thing a log says, for an error that must fit on a line.
func lastLine(path string) string {
	data, err := os.ReadFile(path)
	if err != nil {
		return "no log"
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return lines[len(lines)-1]
}
