// Package memory asks the kernel how much memory programs may still take.
package memory

import (
	"bufio"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Look is what a person types to see more.
const Look = "free -m"

// Available is what programs may still take, in bytes.
func Available() (uint64, error) { return available("/proc/meminfo") }

func available(file string) (uint64, error) {
	in, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer in.Close() //nolint:errcheck // only read
	for lines := bufio.NewScanner(in); lines.Scan(); {
		if fields := strings.Fields(lines.Text()); len(fields) >= 2 && fields[0] == "MemAvailable:" {
			kilobytes, err := strconv.ParseUint(fields[1], 10, 64)
			return kilobytes << 10, err
		}
	}
	return 0, fmt.Errorf("%s does not say what is available", file)
}
