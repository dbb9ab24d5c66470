package cli

import (
	"context"
	"errors"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/emr"
	"infra/internal/fault"
	"infra/internal/provision"
)

func newEmrStatusCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:   "status ENV",
		Short: "Show the clusters: memory, nodes, support, and whether the one in use should be replaced",
		Long: `Asks EMR, the pointer and CloudWatch: memory and swap of each primary (from the agent on it), YARN's memory and what
waits for it, unhealthy and lost nodes, alarms; until when AWS supports the release; and where the cluster is not what
the environment's file wants. It says "replace" and why, and which command to type. Nothing is changed and no lease is
needed. It fails (exit 1) when something is not as it should be.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runEmrStatus(cmd.Context(), g, args[0]) },
	}, "  infra emr status prod\n  infra emr status prod --output json | jq -r '.advice, .reasons[]'", fault.Refused)
}

func runEmrStatus(ctx context.Context, g *globals, name string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	o, err := clustersOf(ctx, p)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(o)
	} else {
		err = o.Text(g.con.Out())
	}
	if err != nil || o.Healthy() {
		return err
	}
	why := "it is " + o.State
	if o.Advice != emr.Nothing {
		why += ", advice: " + o.Advice
	}
	if len(o.Reasons) > 0 {
		why += ": " + strings.Join(o.Reasons, "; ")
	}
	hint := o.Next
	if hint == "" {
		hint = "look at the problems and warnings; infra apply " + name + ", if a change is what is missing"
	}
	return fault.New(fault.Failed, "status of the clusters of "+name, errors.New(why), hint)
}

// clustersOf asks everything that is to be known of the clusters.
func clustersOf(ctx context.Context, p *provision.Platform) (*emr.Overview, error) {
	colours, output, err := p.Colours(ctx)
	if err != nil {
		return nil, err
	}
	if output == nil {
		return nil, fault.New(fault.Failed, "find the clusters of "+p.Env.Name(), errors.New("none was ever made"), "infra apply "+p.Env.Name())
	}
	return emr.ReadOverview(ctx, emr.Sources{
		Clients: emr.NewClients(p.AWS()), Environment: p.Env.Name(), Output: *output, Colours: colours, Needs: p.ClusterNeeds(),
	}), nil
}
