package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
)

func newStateCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "state",
		Short: "Look into the states, and change them by hand in a way that can be undone",
		Long: `A stack, which is a product in an environment, has exactly one Terraform state, in the environment's S3 bucket, with
every earlier version. list, show, history and diff read it without starting Terraform and mask sensitive values;
pull prints it as it is, secrets included.

edit, mv, rm, import and restore hold the environment's lease. They change a copy, check it, plan with the state as
it is and as it would be, say what the difference means, and ask. Only then one conditional write replaces the state,
with a higher serial. Declined, failed or killed before that, they have changed nothing; afterwards
` + "`infra state restore`" + ` takes it back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(
		newStateListCommand(g), newStateShowCommand(g), newStatePullCommand(g), newStateHistoryCommand(g), newStateDiffCommand(g),
		newStateRestoreCommand(g), newStateEditCommand(g), newStateMvCommand(g), newStateRmCommand(g), newStateImportCommand(g),
		newStatePushErroredCommand(g),
	)
	return cmd
}

// productFlag adds the flag that names the stack.
func productFlag(cmd *cobra.Command, product *string) {
	cmd.Flags().StringVar(product, "product", "", "the state of this product (default: found by the address, or the only one)")
}

// one is a selection of one product, or of all.
func one(product string) []string {
	if product == "" {
		return nil
	}
	return []string{product}
}

// stateOf is a product and its state.
type stateOf struct {
	product string
	*state.State
}

// readStates reads the states of the selected products that have one; none at
// all is an error.
func readStates(ctx context.Context, p *provision.Platform, product string) ([]stateOf, error) {
	products, err := stack.Select(one(product))
	if err != nil {
		return nil, err
	}
	var found []stateOf
	for _, product := range products {
		s, err := p.State(ctx, product)
		if errors.Is(err, state.ErrAbsent) {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, stateOf{product, s})
	}
	if len(found) == 0 {
		_, err := p.Applied(ctx, products[0])
		return nil, err
	}
	return found, nil
}

// onlyProduct is the product that is meant where no address can tell.
func onlyProduct(ctx context.Context, p *provision.Platform, product string) (string, error) {
	if product != "" {
		_, err := stack.Select(one(product))
		return product, err
	}
	products, err := stack.Select(nil)
	if err != nil {
		return "", err
	}
	var with []string
	for _, product := range products {
		if _, err := p.State(ctx, product); !errors.Is(err, state.ErrAbsent) {
			with = append(with, product)
		}
	}
	if len(with) == 1 {
		return with[0], nil
	}
	return "", fault.New(fault.Usage, "choose a state of "+p.Env.Name(), fmt.Errorf("there are those of %s", strings.Join(products, " and ")), "add --product "+products[0])
}

// stateOptions are the flags of every command that replaces a state.
type stateOptions struct {
	product     string
	wait        run.Wait
	allowDirty  bool
	autoApprove bool
	confirm     string
}

func stateFlags(cmd *cobra.Command, o *stateOptions) {
	productFlag(cmd, &o.product)
	lockFlag(cmd, &o.wait)
	dirtyFlag(cmd, &o.allowDirty)
	confirmFlag(cmd, &o.confirm)
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
}

// stateCodes are the exit codes of every command that replaces a state.
func stateCodes() []fault.Code { return []fault.Code{fault.Refused, fault.Locked} }

// replaceState opens a run, lets work replace a state, and prints what it did.
func replaceState(ctx context.Context, g *globals, name string, o stateOptions, work func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error)) error {
	p, err := begin(ctx, g, name, provision.Selection{Products: one(o.product)})
	if err != nil {
		return err
	}
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	result, err := work(p, stateApproval(g, p, o))
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(report.StateChanged(p.Run.ID, result))
	}
	text := fmt.Sprintf("\n%s: replaced, serial %d.", result.Change.Stack, result.Now.Serial)
	if result.Was != nil {
		text += fmt.Sprintf(" To take it back: infra state restore %s %s --product %s", name, result.Was.VersionID, result.Change.Stack.Product)
	}
	g.con.Print(text + "\n")
	return nil
}

// stateApproval shows what a state would become and asks for what the command
// line did not say.
func stateApproval(g *globals, p *provision.Platform, o stateOptions) provision.ApproveState {
	name := p.Env.Name()
	return func(c provision.StateChange) error {
		g.con.Print(report.StateChangeText(c, g.verbose))
		need, err := guard.Confirmed(name, p.Env.Protected(), o.autoApprove, o.confirm, false)
		if err != nil || need == guard.NeedNothing {
			return err
		}
		word, flag := "yes", "--auto-approve"
		if need == guard.NeedName {
			word, flag = name, "--confirm "+name
		}
		return needsTerminal(g.con.Confirm("\nReplace the state of "+c.Stack.String()+"?", word), "the same command with "+flag)
	}
}
