package cli

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/report"
	"infra/internal/state"
)

func newStateListCommand(g *globals) *cobra.Command {
	var product string
	cmd := describe(&cobra.Command{
		Use:   "list ENV [ADDRESS...]",
		Short: "List what the states hold, or the part at an address",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateList(cmd.Context(), g, args[0], product, args[1:])
		},
	}, "  infra state list prod\n  infra state list prod module.postgresql --output json")
	productFlag(cmd, &product)
	return cmd
}

// stateList is `infra state list --output json`.
type stateList struct {
	Schema      string       `json:"schema"` // infra/state-list/v1
	Environment string       `json:"environment"`
	States      []stateItems `json:"states"`
}

type stateItems struct {
	Product string `json:"product"`
	report.StateVersion
	Resources []stateItem `json:"resources"`
}

type stateItem struct {
	Address  string `json:"address"`
	Type     string `json:"type"`
	ID       string `json:"id,omitempty"`
	Provider string `json:"provider"`
	Tainted  bool   `json:"tainted,omitempty"`
	Deposed  string `json:"deposed,omitempty"`
}

func runStateList(ctx context.Context, g *globals, name, product string, addresses []string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	states, err := readStates(ctx, p, product)
	if err != nil {
		return err
	}
	doc := stateList{Schema: "infra/state-list/v1", Environment: name, States: []stateItems{}}
	found := 0
	for _, s := range states {
		items := stateItems{Product: s.product, StateVersion: *report.VersionOf(s.State), Resources: []stateItem{}}
		for _, i := range selected(s.State, addresses) {
			items.Resources = append(items.Resources, stateItem{Address: i.Address, Type: i.Type, ID: i.ID, Provider: i.Provider, Tainted: i.Tainted, Deposed: i.Deposed})
		}
		found += len(items.Resources)
		doc.States = append(doc.States, items)
	}
	if found == 0 && len(addresses) > 0 {
		_, _, err := p.StateOf(ctx, one(product), addresses[0])
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(doc)
	}
	return writeStateList(g.con.Out(), doc)
}

func selected(s *state.State, addresses []string) []state.Instance {
	if len(addresses) == 0 {
		return s.Instances()
	}
	var found []state.Instance
	for _, address := range addresses {
		found = append(found, s.Find(address)...)
	}
	return found
}

func writeStateList(out io.Writer, doc stateList) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, s := range doc.States {
		for _, r := range s.Resources {
			note := ""
			if r.Tainted {
				note = "\ttainted"
			}
			if _, err := fmt.Fprintf(w, "%s\t%s\t%s%s\n", s.Product, r.Address, r.ID, note); err != nil {
				return err
			}
		}
	}
	return w.Flush()
}

func newStateShowCommand(g *globals) *cobra.Command {
	var product string
	var reveal bool
	cmd := describe(&cobra.Command{
		Use:   "show ENV ADDRESS",
		Short: "Show what the state says about a resource; sensitive values are masked",
		Args:  cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateShow(cmd.Context(), g, args[0], product, args[1], reveal)
		},
	}, "  infra state show prod 'module.emr[\"blue\"].aws_emr_cluster.this'\n  infra state show prod module.vpc.aws_vpc.this --output json | jq .instances[0].attributes")
	productFlag(cmd, &product)
	revealFlag(cmd, &reveal)
	return cmd
}

func revealFlag(cmd *cobra.Command, reveal *bool) {
	cmd.Flags().BoolVar(reveal, "reveal", false, "show sensitive values in clear")
}

// stateShow is `infra state show --output json`.
type stateShow struct {
	Schema      string              `json:"schema"` // infra/state-show/v1
	Environment string              `json:"environment"`
	Product     string              `json:"product"`
	Instances   []stateShowInstance `json:"instances"`
}

type stateShowInstance struct {
	stateItem
	Attributes   any      `json:"attributes"`
	Dependencies []string `json:"dependencies,omitempty"`
}

func runStateShow(ctx context.Context, g *globals, name, product, address string, reveal bool) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	product, instances, err := p.StateOf(ctx, one(product), address)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		doc := stateShow{Schema: "infra/state-show/v1", Environment: name, Product: product}
		for _, i := range instances {
			doc.Instances = append(doc.Instances, stateShowInstance{
				stateItem:  stateItem{Address: i.Address, Type: i.Type, ID: i.ID, Provider: i.Provider, Tainted: i.Tainted, Deposed: i.Deposed},
				Attributes: i.Shown(reveal), Dependencies: i.Dependencies,
			})
		}
		return g.con.WriteJSON(doc)
	}
	for n, i := range instances {
		if n > 0 {
			if _, err := fmt.Fprintln(g.con.Out()); err != nil {
				return err
			}
		}
		if err := writeInstance(g.con.Out(), product, i, reveal); err != nil {
			return err
		}
	}
	return nil
}

func writeInstance(out io.Writer, product string, i state.Instance, reveal bool) error {
	note := ""
	if i.Tainted {
		note = ", tainted: the next apply replaces it"
	}
	if _, err := fmt.Fprintf(out, "# %s (%s%s)\n", i.Address, product, note); err != nil {
		return err
	}
	for _, leaf := range i.Leaves(reveal) {
		if _, err := fmt.Fprintf(out, "%s = %s\n", leaf.Path, leaf.Value); err != nil {
			return err
		}
	}
	return nil
}

func newStatePullCommand(g *globals) *cobra.Command {
	var product, version string
	cmd := describe(&cobra.Command{
		Use:   "pull ENV",
		Short: "Print a state as it is stored; secrets are in clear in it",
		Long: `Prints the state as Terraform wrote it, for jq or a copy. Passwords, keys and tokens that resources have are in
clear in it: pipe it, or keep it where only you can read it.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStatePull(cmd.Context(), g, args[0], product, version)
		},
	}, "  infra state pull prod --product pipeline | jq '.resources | length'")
	productFlag(cmd, &product)
	cmd.Flags().StringVar(&version, "version-id", "", "this version of it, see infra state history")
	return cmd
}

func runStatePull(ctx context.Context, g *globals, name, product, version string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	if product, err = onlyProduct(ctx, p, product); err != nil {
		return err
	}
	s, err := readVersion(ctx, p, product, version)
	// A broken state is printed too: looking at it is what this is for.
	if err != nil && (s == nil || len(s.Raw) == 0) {
		return err
	}
	if _, writeErr := g.con.Out().Write(s.Raw); writeErr != nil {
		return fault.New(fault.Failed, "print the state", writeErr, "")
	}
	return err
}
