package cli

import (
	"context"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/rollout"
	"infra/internal/stack"
)

// workerOptions are the flags of worker.
type workerOptions struct {
	fleetPlace
	parallel int
}

func newWorkerCommand(g *globals) *cobra.Command {
	var o workerOptions
	cmd := describe(&cobra.Command{
		Use:   "worker",
		Short: "Apply environments for roll-outs on Temporal, until it is stopped",
		Long: `Takes one environment after the other from Temporal's task queue and applies it in this checkout, as
` + "`infra fleet apply --on temporal`" + ` has it. Any number of workers on any number of machines may do so: each needs the
credentials of the accounts, and the checkout of the roll-out's commit; it refuses another one, and the turn goes to
another worker. A worker that is killed loses nothing: its turn is taken by another, which asks the environment's lease
and ledger first. Where the ledger cannot be read, the environment counts as failed after a minute and a half of tries.
Ctrl-C lets what runs save itself, and gives it back.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runWorker(cmd.Context(), g, o) },
	}, "  infra worker --address temporal.example.com:7233\n  infra worker --address 127.0.0.1:7233 --parallel 4")
	temporalFlags(cmd, &o.fleetPlace)
	cmd.Flags().IntVar(&o.parallel, "parallel", 0, "environments at once; never more than the memory has room for (default: one a core)")
	return cmd
}

func runWorker(ctx context.Context, g *globals, o workerOptions) error {
	project, err := g.project()
	if err != nil {
		return err
	}
	infra, err := g.self(project)
	if err != nil {
		return err
	}
	c, err := o.connect(ctx, g)
	if err != nil {
		return err
	}
	defer c.Close()
	width := rollout.Width(o.parallel, len(stack.Products().Names()))
	store := rollout.NewStore(project)
	if err := store.Tidy(time.Now()); err != nil {
		g.con.Warn("%v", err)
	}
	g.con.Step("working for task queue %s, %d at once; logs in %s", o.queue, width, strings.TrimSuffix(store.Dir(""), "/"))
	if err := c.Worker(ctx, infra, store, width); err != nil {
		return err
	}
	g.con.Step("stopped: everything is saved")
	return nil
}
