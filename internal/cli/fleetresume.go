package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/git"
	"infra/internal/report"
	"infra/internal/rollout"
	"infra/internal/stack"
)

func newFleetStatusCommand(g *globals) *cobra.Command {
	var o fleetPlace
	cmd := describe(&cobra.Command{
		Use:   "status [ROLLOUT]",
		Short: "Show how far a roll-out is: a row an environment",
		Long:  "Shows a roll-out of this checkout from its record; the newest one unless another is named.",
		Args:  rolloutArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFleetStatus(cmd.Context(), g, optional(args), o)
		},
	}, "  infra fleet status\n  infra fleet status 20261122T083015Z-1f2e3d --output json | jq .counts")
	fleetPlaceFlags(cmd, &o)
	return cmd
}

func runFleetStatus(ctx context.Context, g *globals, id string, o fleetPlace) error {
	elsewhere, err := o.elsewhere()
	if err != nil {
		return err
	}
	if elsewhere {
		return o.status(ctx, g, id)
	}
	_, store, r, err := recorded(g, id)
	if err != nil {
		return err
	}
	doing := func(name string) string { return rollout.Doing(store.Log(r.ID, name)) }
	if release, err := store.Take(r.ID); err == nil {
		release()
		if r.Ended.IsZero() {
			g.con.Warn("nobody works on it any more; next: infra fleet resume %s", r.ID)
		}
	}
	return showFleet(g, r, doing)
}

// recorded finds a roll-out of this checkout.
func recorded(g *globals, id string) (project string, store rollout.Store, r *fleet.Rollout, err error) {
	if project, err = g.project(); err != nil {
		return project, store, nil, err
	}
	store = rollout.NewStore(project)
	r, err = store.Load(id)
	return project, store, r, err
}

// showFleet prints a roll-out as it stands.
func showFleet(g *globals, r *fleet.Rollout, doing func(name string) string) error {
	now := time.Now()
	if g.con.JSON() {
		return g.con.WriteJSON(report.Fleet(r, now))
	}
	_, err := io.WriteString(g.con.Out(), report.FleetTable(r, now, doing, false)+"\n"+report.FleetFailures(r))
	return err
}

func newFleetPauseCommand(g *globals) *cobra.Command {
	var o fleetPlace
	cmd := describe(&cobra.Command{
		Use:   "pause [ROLLOUT]",
		Short: "Let a roll-out begin nothing more until it is resumed",
		Long:  "What runs goes on to its end. Whoever carries the roll-out out waits; infra fleet resume lets it go on.",
		Args:  rolloutArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFleetPause(cmd.Context(), g, optional(args), o)
		},
	}, "  infra fleet pause\n  infra fleet pause 20261122T083015Z-1f2e3d")
	fleetPlaceFlags(cmd, &o)
	return cmd
}

func runFleetPause(ctx context.Context, g *globals, id string, o fleetPlace) error {
	elsewhere, err := o.elsewhere()
	if err != nil {
		return err
	}
	if elsewhere {
		return o.pause(ctx, g, id)
	}
	_, store, r, err := recorded(g, id)
	if err != nil {
		return err
	}
	if !r.Ended.IsZero() {
		return fault.New(fault.Refused, "pause roll-out "+r.ID, errors.New("it has ended"), "infra fleet status "+r.ID)
	}
	if err := store.Pause(r.ID, true); err != nil {
		return err
	}
	g.con.Step("roll-out %s is paused", r.ID)
	return nil
}

// fleetResumeOptions are the flags of fleet resume.
type fleetResumeOptions struct {
	fleetPlace
	retry       bool
	autoApprove bool
	maxFailures int
	windows     string
}

func newFleetResumeCommand(g *globals) *cobra.Command {
	var o fleetResumeOptions
	cmd := describe(&cobra.Command{
		Use:   "resume [ROLLOUT]",
		Short: "Go on with a roll-out that was paused, stopped, interrupted or killed",
		Long: `Lets a paused roll-out go on as it was begun. One that nobody works on any more, such as one that was cancelled or
terminated in Temporal, is taken up from its record: every environment that it had begun is looked up in its ledger, what
was done is not done again, and a run that was killed is recovered first; then --max-failures and --windows may change.
Without --retry-failed, what failed stays failed and counts. Where plans were approved, an environment that was
interrupted in the middle of its plan, or is tried again, is planned and asked about once more. The checkout has to be at
the roll-out's commit.`,
		Args: rolloutArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			return runFleetResume(cmd.Context(), g, optional(args), o)
		},
	}, "  infra fleet resume\n  infra fleet resume 20261122T083015Z-1f2e3d --retry-failed",
		fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	fleetPlaceFlags(cmd, &o.fleetPlace)
	cmd.Flags().BoolVar(&o.retry, "retry-failed", false, "begin what has failed once more")
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "neither plan nor ask anew: what is tried again does what the code says")
	cmd.Flags().IntVar(&o.maxFailures, "max-failures", -1, "how many may fail from now on (default: as before)")
	cmd.Flags().StringVar(&o.windows, "windows", "", "defer, wait or ignore, as for infra fleet apply (default: as before)")
	return cmd
}

func runFleetResume(ctx context.Context, g *globals, id string, o fleetResumeOptions) error {
	elsewhere, err := o.elsewhere()
	if err != nil {
		return err
	}
	if elsewhere {
		return o.resume(ctx, g, id, o)
	}
	project, store, r, err := recorded(g, id)
	if err != nil {
		return err
	}
	release, err := store.Take(r.ID)
	if fault.CodeOf(err) == fault.Locked && r.Paused {
		if err := o.unchanged(r.ID); err != nil {
			return err
		}
		if err := store.Pause(r.ID, false); err != nil {
			return err
		}
		g.con.Step("roll-out %s goes on, in the process that carries it out", r.ID)
		return nil
	}
	if err != nil {
		return err
	}
	defer release()
	if r, err = store.Load(r.ID); err != nil { // as whoever had it before has left it
		return err
	}
	facts, err := git.Look(ctx, project, false)
	if err != nil {
		return err
	}
	if facts.Commit != r.Commit {
		return fault.New(fault.Refused, "go on with roll-out "+r.ID, fmt.Errorf("%w: it is at commit %s", rollout.ErrCommit, facts.Commit), "git checkout "+r.Commit)
	}
	if err := store.Pause(r.ID, false); err != nil {
		return err
	}
	if err := o.again(ctx, g, project, r); err != nil {
		return err
	}
	return carry(ctx, g, project, r)
}

// unchanged refuses to let a roll-out that somebody works on go on in another
// way than before.
func (o fleetResumeOptions) unchanged(id string) error {
	if !o.retry && o.maxFailures < 0 && o.windows == "" {
		return nil
	}
	return fault.New(fault.Refused, "go on with roll-out "+id, errors.New("it has not ended: only then can something be tried again or be changed"), "infra fleet status "+id+o.flags())
}

// again makes a roll-out ready to go on, if it may and what it would do is
// approved.
func (o fleetResumeOptions) again(ctx context.Context, g *globals, project string, r *fleet.Rollout) error {
	if o.maxFailures >= 0 {
		r.Policy.MaxFailures = o.maxFailures
	}
	if o.windows != "" {
		if err := knownWindows(o.windows); err != nil {
			return err
		}
		r.Policy.Windows = fleet.Windows(o.windows)
	}
	r.Again(o.retry)
	if why := r.Stopped(); why != "" {
		return fault.New(fault.Refused, "go on with roll-out "+r.ID, errors.New("it is stopped: "+why), "infra fleet resume "+r.ID+o.flags()+" --retry-failed, or --max-failures N")
	}
	if o.autoApprove {
		return nil
	}
	return approveFleet(ctx, g, project, r, rollout.Width(r.Policy.Parallel, len(stack.Products().Names())))
}
