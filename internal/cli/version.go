package cli

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"infra/internal/terraform"
)

// version and commit are set by the linker; a plain build takes them from
// what Go recorded.
var (
	version = "dev"
	commit  = ""
)

func newVersionCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "version",
		Short: "Print the versions of infra and of what it drives",
		Args:  cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			at := revision()
			if g.con.JSON() {
				return g.con.WriteJSON(map[string]string{
					"schema": "infra/version/v1", "version": version, "commit": at,
					"go": runtime.Version(), "platform": runtime.GOOS + "/" + runtime.GOARCH, "terraform": terraform.Version,
				})
			}
			_, err := fmt.Fprintf(g.con.Out(), "infra %s (commit %s, %s, %s/%s), with Terraform %s\n", version, at, runtime.Version(), runtime.GOOS, runtime.GOARCH, terraform.Version)
			return err
		},
	}, "  infra version --output json")
}

func revision() string {
	if commit != "" {
		return commit
	}
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
