package provision

import "infra/internal/memory"

// providerMemory is what a Terraform with the AWS provider holds, in bytes.
const providerMemory = 900 << 20

// SideBySide is how many Terraforms fit into the machine's free memory.
func SideBySide() int {
	available, err := memory.Available()
	if err != nil {
		return 2
	}
	return int(max(1, available/providerMemory)) //nolint:gosec // a small number
}
