package internal_test

// floors is the house from the ground up. A package may import packages of
// lower floors only; below internal/sandbox the same holds among its rooms.
// A new package is added here, on the lowest floor that it fits.
func floors() [][]string {
	return [][]string{
		{"audit", "cidr", "drift", "fault", "history", "install", "maintenance", "memory", "parity", "process", "progress", "spelling"},
		{"console", "debian", "environment", "fleet", "outcome", "python", "runbook", "stack", "trace", "upgrade"},
		{"account", "affected", "clone", "guard", "inventory", "metrics", "rebuild", "scaffold"},
		{"run", "state", "survey", "topology"},
		{"notify", "orphan", "supervise"},
		{"ansible", "bundle", "git", "packer", "ssh", "terraform"},
		{"sandbox/emulator/awsapi"},
		{"sandbox/emulator"},
		{"sandbox/network", "sandbox/proxy", "sandbox/volume"},
		{"sandbox/engine", "sandbox/host", "sandbox/services"},
		{"sandbox/image", "sandbox/reconcile"},
		{"sandbox"},
		{"drill", "emr", "postgresql", "snapshot", "zookeeper"},
		{"pgdrill", "preflight", "provision", "status", "zkdrill"},
		{"restore"},
		{"doctor", "report"},
		{"rollout"},
		{"bench", "ci", "temporal"},
		{"cli"},
	}
}

// owners says which packages alone may import a dependency.
func owners() map[string][]string {
	return map[string][]string{
		"github.com/spf13/cobra":              {"cli"},
		"github.com/spf13/pflag":              {"cli"},
		"github.com/hashicorp/terraform-exec": {"terraform"},
		"github.com/hashicorp/hc-install":     {"terraform"},
		"github.com/apenella/go-ansible":      {"ansible"},
		"github.com/docker/docker":            {"sandbox"},
		"github.com/miekg/dns":                {"sandbox"},
		"github.com/anishathalye/porcupine":   {"history"},
		"github.com/go-zookeeper/zk":          {"zkdrill"},
		"github.com/hashicorp/hcl/v2":         {"affected", "packer", "rebuild", "terraform"},
		"github.com/prometheus":               {"metrics"},
		"go.opentelemetry.io":                 {"trace"},
		"go.temporal.io":                      {"temporal"},
		"gopkg.in/yaml.v3":                    {"affected", "cli", "clone", "environment", "inventory", "sandbox"},
	}
}

// pure packages decide and never act: neither they nor what they import reach
// for these.
func pure() []string {
	return []string{"affected", "audit", "cidr", "drift", "fault", "fleet", "guard", "history", "install", "inventory", "maintenance", "outcome", "parity", "progress", "spelling", "stack", "topology"}
}

func impure() []string {
	return []string{"os", "os/exec", "net", "net/http", "syscall", "golang.org/x/sys", "github.com/aws"}
}
