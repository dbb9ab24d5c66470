package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/terraform"
	"infra/internal/upgrade"
)

// version and commit are set by the linker; a plain build takes them from
// what Go recorded.
var (
	version = "dev"
	commit  = ""
)

// versionOptions are the flags of version.
type versionOptions struct {
	check bool
	from  string
}

func newVersionCommand(g *globals) *cobra.Command {
	var o versionOptions
	cmd := describe(&cobra.Command{
		Use:   "version",
		Short: "Print the versions of infra and of what it drives",
		Long: `Prints version and commit of infra, and the Terraform that it drives. With --check it also asks whether there is a newer
release: the address of --from or INFRA_UPGRADE_CHECK, which answers as GitHub's .../releases/latest does, or with
{"version": "1.2.3"}. With INFRA_UPGRADE_CHECK set, version asks without --check too, and an answer that does not come is
a warning. Nothing else in infra ever asks, and nobody is asked by default.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runVersion(cmd.Context(), g, o) },
	}, "  infra version --output json\n  infra version --check --from https://api.github.com/repos/ORGANISATION/infra/releases/latest")
	cmd.Flags().BoolVar(&o.check, "check", false, "also ask whether there is a newer release")
	cmd.Flags().StringVar(&o.from, "from", "", "the address to ask (default: what INFRA_UPGRADE_CHECK holds)")
	return cmd
}

// versionDocument is infra version --output json.
type versionDocument struct {
	Schema    string `json:"schema"` // infra/version/v1
	Version   string `json:"version"`
	Commit    string `json:"commit"`
	Go        string `json:"go"`
	Platform  string `json:"platform"`
	Terraform string `json:"terraform"`
	Newest    string `json:"newest,omitempty"` // release, where it was asked for
	Upgrade   bool   `json:"upgrade"`          // it is newer
}

func runVersion(ctx context.Context, g *globals, o versionOptions) error {
	doc := versionDocument{
		Schema: "infra/version/v1", Version: version, Commit: revision(),
		Go: runtime.Version(), Platform: runtime.GOOS + "/" + runtime.GOARCH, Terraform: terraform.Version,
	}
	news, err := checkUpgrade(ctx, &doc, o)
	if err != nil && o.check {
		return err
	}
	if err != nil {
		g.con.Warn("%v", err)
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	_, err = fmt.Fprintf(g.con.Out(), "infra %s (commit %s, %s, %s), with Terraform %s\n%s", doc.Version, doc.Commit, doc.Go, doc.Platform, doc.Terraform, news)
	return err
}

// checkUpgrade asks for the newest release, where somebody wants to know.
func checkUpgrade(ctx context.Context, doc *versionDocument, o versionOptions) (news string, err error) {
	from := o.from
	if from == "" {
		from = os.Getenv("INFRA_UPGRADE_CHECK")
	}
	switch {
	case from == "" && o.check:
		return "", fault.New(fault.Usage, "ask for the newest version of infra", errors.New("nobody has said whom to ask"), "infra version --check --from https://..., or export INFRA_UPGRADE_CHECK=https://...")
	case from == "" || o.from != "" && !o.check:
		return "", nil
	}
	newest, err := upgrade.Newest(ctx, from)
	if err != nil {
		return "", err
	}
	doc.Newest = newest.Version
	doc.Upgrade, err = newest.Newer(doc.Version)
	switch {
	case errors.Is(err, upgrade.ErrNoRelease):
		return fmt.Sprintf("the newest release is %s; %v\n", newest.Version, err), nil
	case err != nil:
		return "", err
	case doc.Upgrade:
		return fmt.Sprintf("infra %s is there: %s\n", newest.Version, newest.URL), nil
	default:
		return "there is no newer release\n", nil
	}
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
