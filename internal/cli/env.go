package cli

import (
	"fmt"
	"strconv"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/environment"
)

func newEnvCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "env",
		Short: "Look after the environments' files: a new one, a list of all",
		Long: `An environment is one file in environments/. infra env new writes that of a new customer, infra install builds what it
says, and infra uninstall takes it away again.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEnvListCommand(g), newEnvNewCommand(g))
	return cmd
}

// listedEnvironment is one of the document that env list prints.
type listedEnvironment struct {
	Environment string `json:"environment"`
	Account     string `json:"account"`
	Region      string `json:"region"`
	CIDR        string `json:"cidr"`
	StateBucket string `json:"state_bucket"`
	Protected   bool   `json:"protected"`
	Emulated    bool   `json:"emulated"`
}

func newEnvListCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "list",
		Short: "List the environments: account, region, network, whether protected",
		Long:  `Reads the files alone; no account is asked. It fails (exit 64) when one of them is not valid.`,
		Args:  cobra.NoArgs,
		RunE:  func(*cobra.Command, []string) error { return runEnvList(g) },
	}, "  infra env list\n  infra env list --output json | jq -r '.environments[].cidr'")
}

func runEnvList(g *globals) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	envs, err := environment.LoadAll(project)
	if err != nil {
		return err
	}
	listed := make([]listedEnvironment, 0, len(envs))
	rows := [][]string{{"ENVIRONMENT", "ACCOUNT", "REGION", "CIDR", "PROTECTED", "EMULATED"}}
	for _, env := range envs {
		e := listedEnvironment{
			Environment: env.Name(), Account: env.Account(), Region: env.Region(), CIDR: env.Pipeline().VPC.CIDR,
			StateBucket: env.StateBucket(), Protected: env.Protected(), Emulated: env.Emulated(),
		}
		listed = append(listed, e)
		rows = append(rows, []string{e.Environment, e.Account, e.Region, e.CIDR, strconv.FormatBool(e.Protected), strconv.FormatBool(e.Emulated)})
	}
	if g.con.JSON() {
		return g.con.WriteJSON(map[string]any{"schema": "infra/environments/v1", "environments": listed})
	}
	_, err = fmt.Fprint(g.con.Out(), console.Columns(rows))
	return err
}
