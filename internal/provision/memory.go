package provision

import (
	"os"
	"strconv"
	"strings"
)

// providerMemory is what a Terraform with the AWS provider holds, in bytes.
const providerMemory = 900 << 20

// SideBySide is how many Terraforms fit into the machine's free memory.
func SideBySide() int {
	data, err := os.ReadFile("/proc/meminfo")
	if err != nil {
		return 2
	}
	for line := range strings.Lines(string(data)) {
		fields := strings.Fields(line)
		if len(fields) == 3 && fields[0] == "MemAvailable:" {
			kib, err := strconv.ParseInt(fields[1], 10, 64)
			if err != nil {
				return 2
			}
			return int(max(1, kib<<10/providerMemory))
		}
	}
	return 2
}
