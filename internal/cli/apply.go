package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"infra/internal/ansible"
	"infra/internal/console"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/run"
)

// applyOptions are the flags of apply.
type applyOptions struct {
	changeOptions
	autoApprove bool
	plan        string
	rollout     string
}

func newApplyCommand(g *globals) *cobra.Command {
	var o applyOptions
	cmd := describe(&cobra.Command{
		Use:   "apply ENV",
		Short: "Bring the environment to what the code says: machines, then what runs on them",
		Long: `Plans every stack, asks, applies in order, configures the hosts with Ansible and checks that the platform answers.
The state bucket is made when it is missing. A second apply changes nothing. With --plan, exactly what was planned
and approved is applied, or nothing: a bundle that was changed, is too old, or was made for other code or another
state is refused. A protected environment wants its name, typed or by --confirm, and a clean checkout of the main
branch. One run at a time: whoever comes second waits (--lock-timeout) or is told who is there.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runApply(cmd.Context(), g, args[0], o) },
	}, "  infra apply prod\n  infra apply sandbox --auto-approve\n  infra apply staging --layer zookeeper\n  infra apply prod --plan prod.bundle --confirm prod",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	selectionFlags(cmd, &o.sel)
	dirtyFlag(cmd, &o.allowDirty)
	confirmFlag(cmd, &o.confirm)
	flags := cmd.Flags()
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	flags.StringVar(&o.plan, "plan", "", "apply exactly this bundle of `infra plan --out`: a file, or s3://bucket/key")
	flags.StringVar(&o.rollout, "rollout", "", "id of the roll-out that this is a part of, as `infra fleet apply` gives it: what it has applied is not applied again")
	flags.BoolVar(&o.sel.RefreshOnly, "refresh-only", false, "only take into the state what was changed outside of infra")
	flags.StringArrayVar(&o.sel.AllowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed (may be repeated)")
	for _, other := range []string{"product", "layer", "refresh-only", "allow-destroy"} {
		cmd.MarkFlagsMutuallyExclusive("plan", other)
	}
	return cmd
}

func runApply(ctx context.Context, g *globals, name string, o applyOptions) error {
	if o.rollout != "" && !run.ValidRollout(o.rollout) {
		return fault.New(fault.Usage, "", fmt.Errorf("--rollout: %q is not the id of a roll-out", o.rollout), "infra fleet status")
	}
	p, err := begin(ctx, g, name, o.sel)
	if err != nil {
		return err
	}
	p.Rollout = o.rollout
	if err := p.EnsureBucket(ctx); err != nil {
		return err
	}
	approve := approval(g, p, o.autoApprove, o.confirm, "infra apply "+name)
	if o.rollout != "" && o.plan != "" {
		approve = approvedForAll(approve, "infra apply "+name)
	}
	return change(ctx, g, p, "apply", o.changeOptions, func(ctx context.Context) (stacks []provision.StackResult, hosts ansible.Result, err error) {
		if finished, err := p.Finished(ctx); err != nil || finished {
			return nil, hosts, err
		}
		if o.plan != "" {
			stacks, err = p.ApplyBundle(ctx, o.plan, o.sel, o.allowDirty, approve)
		} else {
			stacks, err = p.Apply(ctx, o.sel, approve)
		}
		if err == nil && reachesHosts(o.sel, stacks) {
			hosts, err = p.Configure(ctx, o.sel.Layers)
		}
		return stacks, hosts, err
	})
}

// approvedForAll stands for the one question about all plans of a roll-out:
// what was in none of them was not approved. command asks about it.
func approvedForAll(approve provision.Approve, command string) provision.Approve {
	return func(plans *provision.Plans) error {
		if err := approve(plans); err != nil {
			return err
		}
		return unseen(plans, command)
	}
}

// reachesHosts tells whether the product with hosts was among what was
// applied.
func reachesHosts(sel provision.Selection, stacks []provision.StackResult) bool {
	if sel.RefreshOnly {
		return false
	}
	for _, s := range stacks {
		if s.Stack.Product == "pipeline" {
			return true
		}
	}
	return false
}

// approval shows the plans and asks for what the command line did not say.
// command is what to type where nobody can be asked.
func approval(g *globals, p *provision.Platform, autoApprove bool, confirm, command string) provision.Approve {
	name := p.Env.Name()
	return func(plans *provision.Plans) error {
		g.con.Print(report.PlanText(plans, g.verbose))
		need, err := guard.Confirmed(name, p.Env.Protected(), autoApprove, confirm, false)
		if err != nil || need == guard.NeedNothing {
			return err
		}
		word, flag := "yes", "--auto-approve"
		if need == guard.NeedName {
			word, flag = name, "--confirm "+name
		}
		return needsTerminal(g.con.Confirm("\nApply this to "+name+"?", word), command+" "+flag)
	}
}

// needsTerminal says what to type where a question could not be asked.
func needsTerminal(err error, command string) error {
	if errors.Is(err, console.ErrNoTerminal) {
		return fault.New(fault.Refused, "confirm", err, "run it at a terminal, or: "+command)
	}
	return err
}
