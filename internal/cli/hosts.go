package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/inventory"
	"infra/internal/provision"
)

func newHostsCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "hosts ENV",
		Short: "List the environment's hosts, from the state",
		Args:  environmentArgument,
		RunE:  func(cmd *cobra.Command, args []string) error { return runHosts(cmd.Context(), g, args[0]) },
	}, "  infra hosts prod\n  infra hosts prod --output json")
}

func runHosts(ctx context.Context, g *globals, name string) error {
	_, inv, err := openInventory(ctx, g, name)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		_, err = g.con.Out().Write(inv.JSON())
		return err
	}
	return inv.Text(g.con.Out())
}

// openInventory reads the platform's hosts without starting Terraform.
func openInventory(ctx context.Context, g *globals, name string) (*provision.Platform, *inventory.Inventory, error) {
	project, err := g.project()
	if err != nil {
		return nil, nil, err
	}
	p, err := provision.Connect(ctx, project, name, g.con)
	if err != nil {
		return nil, nil, err
	}
	s, err := p.Applied(ctx, "pipeline")
	if err != nil {
		return nil, nil, err
	}
	inv, err := p.Inventory(s)
	return p, inv, err
}

func newInventoryCommand(g *globals) *cobra.Command {
	var list bool
	var host string
	cmd := describe(&cobra.Command{
		Use:   "inventory ENV",
		Short: "Print the Ansible inventory, from the state",
		Long: `Prints the inventory as YAML, or with --list and --host as JSON for Ansible's dynamic inventory: an executable script
of the one line "exec infra inventory prod \"$@\"" is an inventory source.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if list && host != "" {
				return fault.New(fault.Usage, "", errors.New("--list and --host exclude each other"), "infra inventory --help")
			}
			return runInventory(cmd.Context(), g, args[0], list, host)
		},
	}, "  infra inventory prod\n  infra inventory prod --list\n  infra inventory prod --host zookeeper-1", fault.Refused)
	cmd.Flags().BoolVar(&list, "list", false, "all groups and hosts, as Ansible asks for them")
	cmd.Flags().StringVar(&host, "host", "", "the variables of one host, as Ansible asks for them")
	return cmd
}

func runInventory(ctx context.Context, g *globals, name string, list bool, host string) error {
	_, inv, err := openInventory(ctx, g, name)
	if err != nil {
		return err
	}
	data := inv.YAML()
	switch {
	case host != "":
		if data, err = inv.Host(host); err != nil {
			return err
		}
	case list || g.con.JSON():
		data = inv.List()
	}
	_, err = g.con.Out().Write(data)
	return err
}
