package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/snapshot"
	"infra/internal/ssh"
)

func newSnapshotPlanCommand(g *globals) *cobra.Command {
	var o snapshotOptions
	cmd := describe(&cobra.Command{
		Use:   "plan ENV",
		Short: "Say how many snapshots move the database, when, and how long the last one takes",
		Long: `Measures what is used and written of the data volume (CloudWatch's last 14 days, else the host for --measure), and
plans snapshots back to back: each stores only what has changed during the one before, until the last one, for which
the database stands still, takes no longer than --target. Random writes are counted with the 512 KiB that EBS stores
for each. Nothing is changed. Where there is a standby to make, a streaming standby on the final volume, cut over in
seconds, beats the final window: then --target matters little.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runSnapshotPlan(cmd.Context(), g, args[0], &o) },
	}, "  infra snapshot plan prod\n  infra snapshot plan prod --target 2m --to-region eu-central-1 --svg chain.svg\n  infra snapshot plan prod --random-writes 90000 --throughput 80 --output json | jq .window", fault.Refused)
	o.flags(cmd)
	return cmd
}

func runSnapshotPlan(ctx context.Context, g *globals, name string, o *snapshotOptions) error {
	if err := o.check(); err != nil {
		return err
	}
	p, inv, err := openInventory(ctx, g, name)
	if err != nil {
		return err
	}
	var s *subject
	err = reach(ctx, p, inv, func(client *ssh.Client, none error) (err error) {
		if none != nil {
			return none
		}
		s, err = o.measured(ctx, g.con, p, inv, client.Run)
		return err
	})
	if err != nil {
		return err
	}
	plan, err := snapshot.Make(s.inputs)
	if err != nil {
		return fault.New(fault.Usage, "plan the snapshots of "+s.Host, err, "infra snapshot plan --help")
	}
	if err := o.draw(plan.Picture(s.Subject)); err != nil {
		return err
	}
	if g.con.JSON() {
		err = g.con.WriteJSON(plan.Document(s.Subject))
	} else {
		_, err = g.con.Out().Write([]byte(plan.Describe(s.Subject)))
	}
	if err != nil || plan.Feasible {
		return err
	}
	return fault.New(fault.Refused, "plan the snapshots of "+s.Host, errors.New("the target is out of reach"), plan.Advice("infra snapshot plan "+name))
}
