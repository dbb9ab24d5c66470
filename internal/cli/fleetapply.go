package cli

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/git"
	"infra/internal/report"
	"infra/internal/rollout"
	"infra/internal/run"
)

// fleetApplyOptions are the flags of fleet apply.
type fleetApplyOptions struct {
	fleetSelection
	fleetPlace
	order        fleet.Order
	windows      string
	autoApprove  bool
	confirm      []string
	allowDestroy []string
}

func newFleetApplyCommand(g *globals) *cobra.Command {
	var o fleetApplyOptions
	cmd := describe(&cobra.Command{
		Use:   "apply",
		Short: "Bring many environments to what the code says, in waves",
		Long: `Shows the selection and the counts of each plan, asks once for all, and applies exactly these plans, which are kept in the
state buckets meanwhile: the canary first, then wave after wave. An environment whose plan fails counts as failed, one
whose state has moved on from its plan is refused. A wave begins when all of the one before have ended. When the canary fails, or more than --max-failures do, nothing new
begins; what runs goes on to its end. An environment outside of its maintenance windows is deferred: its wave goes on
without it, and infra fleet resume takes it up. Ctrl-C lets what runs save itself; resume goes on.

A plan that would destroy something stateful is refused by the same guard as in ` + "`infra apply`" + ` and counts as a failure.
Every protected environment of the selection has to be named by --confirm. The roll-out is of one commit: a checkout
that was moved on meanwhile is refused.

With --on temporal the same is done by ` + "`infra worker`" + ` on any number of machines, and goes on whatever is restarted.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return runFleetApply(cmd.Context(), g, o) },
	}, "  infra fleet apply --env 'customers/*' --canary acme --waves 10%,50%,100% --max-failures 5%\n  infra fleet apply --label tier=gold --wave 5 --auto-approve\n  infra fleet apply --env prod,staging --confirm prod\n  infra fleet apply --env 'customers/*' --wave 20 --parallel 10 --on temporal --address temporal.example.com:7233",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	fleetSelectionFlags(cmd, &o.fleetSelection)
	fleetProductFlag(cmd, &o.fleetSelection)
	fleetPlaceFlags(cmd, &o.fleetPlace)
	flags := cmd.Flags()
	flags.StringSliceVar(&o.order.Canary, "canary", nil, "goes first and alone: a name (may be repeated), or a number of environments")
	flags.StringSliceVar(&o.order.Waves, "waves", nil, "how many have gone after each wave, as 10%,50%,100% or as numbers (default: one wave)")
	flags.IntVar(&o.order.Wave, "wave", 0, "so many in each wave")
	flags.StringVar(&o.order.MaxFailures, "max-failures", "0", "how many may fail, as a number or a percentage of all; one more stops the rest")
	flags.StringVar(&o.windows, "windows", string(fleet.Defer), "outside of its maintenance windows an environment is left for later (defer), waited for by its wave (wait), or changed all the same (ignore)")
	flags.BoolVar(&o.autoApprove, "auto-approve", false, "neither plan beforehand nor ask: each is planned and applied when its turn comes")
	flags.StringSliceVar(&o.confirm, "confirm", nil, "name of a protected environment of the selection (may be repeated)")
	flags.StringArrayVar(&o.allowDestroy, "allow-destroy", nil, "address of a stateful resource that may be destroyed, in every environment that has it (may be repeated)")
	cmd.MarkFlagsMutuallyExclusive("waves", "wave")
	return cmd
}

func runFleetApply(ctx context.Context, g *globals, o fleetApplyOptions) error {
	elsewhere, err := o.elsewhere()
	if err != nil {
		return err
	}
	project, chosen, err := o.choose(g)
	if err != nil {
		return err
	}
	r, err := o.rollout(ctx, project, chosen)
	if err != nil {
		return err
	}
	g.con.Print(wavesText(r))
	if err := approveFleet(ctx, g, project, r, width(o.parallel, o.products)); err != nil {
		return err
	}
	if elsewhere {
		return o.begin(ctx, g, r)
	}
	store := rollout.NewStore(project)
	release, err := store.Take(r.ID)
	if err != nil {
		return err
	}
	defer release()
	if err := store.Tidy(time.Now()); err != nil {
		g.con.Warn("%v", err)
	}
	return carry(ctx, g, project, r)
}

// rollout makes the roll-out that was asked for.
func (o fleetApplyOptions) rollout(ctx context.Context, project string, chosen []*environment.Environment) (*fleet.Rollout, error) {
	if err := knownWindows(o.windows); err != nil {
		return nil, err
	}
	facts, err := git.Look(ctx, project, false)
	if err != nil {
		return nil, err
	}
	now := time.Now().UTC()
	id, err := run.NewID(now)
	if err != nil {
		return nil, fault.New(fault.Failed, "begin a roll-out", err, "")
	}
	parallel := width(o.parallel, o.products)
	if o.on == onTemporal && o.parallel > 0 {
		parallel = o.parallel // the workers' machines bound it, not this one
	}
	if o.on == onTemporal && len(facts.Dirty) > 0 {
		return nil, fault.New(fault.Refused, "roll out on Temporal", fmt.Errorf("%s is not as it was committed, and the workers have only what is committed", facts.Dirty[0]), "git stash --include-untracked, or commit it")
	}
	r := &fleet.Rollout{
		Schema: fleet.Schema, ID: id, Commit: facts.Commit, Arguments: o.arguments(), Started: now,
		Planned: !o.autoApprove, Policy: fleet.Policy{Parallel: parallel, Windows: fleet.Windows(o.windows)},
	}
	for _, address := range o.allowDestroy {
		r.Arguments = append(r.Arguments, "--allow-destroy", address)
	}
	for _, e := range chosen {
		r.Environments = append(r.Environments, fleet.Environment{Name: e.Name(), File: e.File(), Protected: e.Protected(), Maintenance: e.Maintenance()})
	}
	if r.Policy.MaxFailures, err = fleet.Arrange(r.Environments, o.order); err != nil {
		return nil, fault.New(fault.Usage, "arrange the waves", err, "infra fleet apply --help")
	}
	return r, confirmed(r, o.confirm)
}

func knownWindows(text string) error {
	if !slices.Contains([]fleet.Windows{fleet.Defer, fleet.Wait, fleet.Ignore}, fleet.Windows(text)) {
		return fault.New(fault.Usage, "", fmt.Errorf("--windows is %q, it can be defer, wait or ignore", text), "infra fleet apply --help")
	}
	return nil
}

// confirmed wants every protected environment to be named, and nothing else.
func confirmed(r *fleet.Rollout, names []string) error {
	var missing, protected []string
	for _, e := range r.Environments {
		if !e.Protected {
			continue
		}
		if protected = append(protected, e.Name); !slices.Contains(names, e.Name) {
			missing = append(missing, e.Name)
		}
	}
	for _, name := range names {
		if !slices.Contains(protected, name) {
			return fault.New(fault.Usage, "", fmt.Errorf("--confirm %s: it is not a protected environment of the selection", name), "")
		}
	}
	if len(missing) > 0 {
		return fault.New(fault.Refused, "change "+strings.Join(missing, ", "), errors.New("protected environments have to be named one by one"), "add --confirm "+strings.Join(missing, ","))
	}
	return nil
}

// wavesText shows in which order they go.
func wavesText(r *fleet.Rollout) string {
	waves := map[int][]string{}
	last := 0
	for _, e := range r.Environments {
		waves[e.Wave] = append(waves[e.Wave], e.Name)
		last = max(last, e.Wave)
	}
	var rows [][]string
	for number := range last + 1 {
		if len(waves[number]) > 0 {
			rows = append(rows, []string{report.FleetWave(number), fmt.Sprint(len(waves[number])), strings.Join(waves[number], " ")})
		}
	}
	var b strings.Builder
	b.WriteString("waves:\n")
	console.Table(&b, "  ", rows...)
	fmt.Fprintf(&b, "%d may fail, %d at once\n", r.Policy.MaxFailures, r.Policy.Parallel)
	return b.String()
}

// carry carries out a roll-out on this machine, from its beginning or from
// where it was left. The caller has taken it.
func carry(ctx context.Context, g *globals, project string, r *fleet.Rollout) error {
	infra, err := g.self(project)
	if err != nil {
		return err
	}
	store := rollout.NewStore(project)
	g.con.Step("roll-out %s; logs in %s", r.ID, store.Dir(r.ID))
	doing := func(name string) string { return rollout.Doing(store.Log(r.ID, name)) }
	if err := store.Carry(ctx, infra, r, watcher(g, r, "", doing)); err != nil {
		return err
	}
	err = tellFleet(g, r, "")
	if ctx.Err() != nil && fault.CodeOf(err) == fault.Refused { // nothing ran that could have been interrupted
		return fault.New(fault.Interrupted, "roll-out "+r.ID, context.Cause(ctx), "infra fleet resume "+r.ID)
	}
	return err
}
