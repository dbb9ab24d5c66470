package sandbox

import "infra/internal/debian"

// programs that a sandbox runs.
func programs() debian.Programs {
	return debian.Programs{
		"dockerd":    "docker.io",
		"containerd": "docker.io",
		"mmdebstrap": "mmdebstrap",
		"nft":        "nftables",
		"conntrack":  "conntrack",
		"ip":         "iproute2",
		"bridge":     "iproute2",
	}
}

// MissingPackages are the Debian packages that Up would install.
func MissingPackages() []string { return programs().Missing() }
