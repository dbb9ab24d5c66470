package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/console"
	"infra/internal/emr"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/provision"
)

func newEmrCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "emr",
		Short: "Look after the processing cluster: its health, replacing it, going back",
		Long: `There are two colours of cluster, blue and green, and one of them is in use: jobs find it by a DNS name and an SSM
parameter. A cluster that is short of memory, out of support or made otherwise than the environment wants is replaced
by the other colour while jobs go on.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newEmrReplaceCommand(g), newEmrRollbackCommand(g), newEmrStatusCommand(g))
	return cmd
}

// emrMove are the flags of the commands that move from one colour to the other.
type emrMove struct {
	byHand
	limits emr.Options
}

func emrMoveFlags(cmd *cobra.Command, o *emrMove) {
	flags := cmd.Flags()
	flags.DurationVar(&o.limits.Grace, "grace", 2*time.Minute, "how long clients may go by the old pointer: the DNS name's 30 seconds, and what they remember themselves")
	flags.DurationVar(&o.limits.Drain, "drain", 30*time.Minute, "how long to wait for steps and applications of the colour that was left")
	flags.DurationVar(&o.limits.Watch, "watch", 10*time.Minute, "how long to look whether the colour that took over keeps well")
	flags.DurationVar(&o.limits.Answer, "answer", 30*time.Minute, "how long a cluster may take to answer; infra's step waits behind those of others")
	flags.BoolVar(&o.limits.Discard, "discard-hdfs", false, "what the cluster that goes holds in HDFS may be lost")
	flags.BoolVar(&o.limits.Force, "force-drop", false, "end what still runs on the colour that was left when --drain is over")
	flags.BoolVar(&o.limits.Keep, "keep", false, "stop before the colour that was left is dropped; the same command without it drops it")
	byHandFlags(cmd, &o.byHand)
}

// The pauses between two looks, and how long Terraform's cluster may take to
// be whole.
const (
	emrEvery         = 15 * time.Second
	emrEveryEmulated = 300 * time.Millisecond
	emrReady         = 30 * time.Minute
)

// moveColours holds the environment, begins or goes on with a move, and prints
// what it did, also when it failed.
func moveColours(ctx context.Context, g *globals, name string, o emrMove, back bool) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	if err := p.Preflight(ctx, o.allowDirty); err != nil {
		return err
	}
	verb := map[bool]string{false: "emr replace", true: "emr rollback"}[back]
	var done *emr.Done
	err = p.Change(ctx, verb, o.wait, func(ctx context.Context) error {
		colours, w, err := planMove(ctx, g, p, o, back)
		if err != nil {
			return err
		}
		question := "\n" + explainMove(colours.Move, o.limits, name)
		if err := asks(g, p, question, o.autoApprove, o.confirm, "infra "+verb+" "+name); err != nil {
			return err
		}
		done, err = w.Carry(ctx, &colours)
		return err
	})
	g.con.Live("")
	if done == nil {
		return err
	}
	if g.con.JSON() {
		err = errors.Join(err, g.con.WriteJSON(done))
	}
	return err
}

// planMove decides whether and how to move, and makes what it is done with.
func planMove(ctx context.Context, g *globals, p *provision.Platform, o emrMove, back bool) (emr.Colours, *emr.Work, error) {
	name := p.Env.Name()
	colours, output, err := p.Colours(ctx)
	if err != nil {
		return colours, nil, err
	}
	if output == nil {
		return colours, nil, fault.New(fault.Failed, "find the clusters of "+name, errors.New("none was ever made"), "infra apply "+name)
	}
	if back {
		colours, err = emr.BeginRollback(colours, name, p.Run.ID, time.Now().UTC())
	} else {
		colours, err = emr.BeginReplace(colours, name, p.Run.ID, time.Now().UTC())
	}
	if err != nil {
		return colours, nil, err
	}
	wanted := p.Env.Pipeline().EMR
	if step := colours.Move.Step; step == emr.Check || step == emr.Create {
		warning, err := emr.Supported(wanted.Release, p.Env.File(), wanted.AllowUnsupported, time.Now())
		if err != nil {
			return colours, nil, err
		}
		if warning != "" {
			g.con.Warn("%s", warning)
		}
	}
	o.limits.Ready, o.limits.Every = emrReady, emrEvery
	if p.Env.Emulated() {
		o.limits.Every = emrEveryEmulated
	}
	return colours, &emr.Work{
		Clients: emr.NewClients(p.AWS()), Records: p.ColourRecords(), Output: *output, Needs: p.ClusterNeeds(), Options: o.limits,
		Apply: func(ctx context.Context, allowed func([]guard.Change) error) (emr.Output, error) {
			return applyColours(ctx, g, p, allowed)
		},
		Tell: func(e emr.Event) {
			tellEmr(g.con, e)
			p.Did("", e.What)
		},
		Live: tellWaits(g.con),
	}, nil
}

// applyColours has Terraform make the clusters and the pointer what the record
// says. Who asked for the move has agreed to the plans that it takes, and to
// no other.
func applyColours(ctx context.Context, g *globals, p *provision.Platform, allowed func([]guard.Change) error) (emr.Output, error) {
	_, err := p.Apply(ctx, provision.Selection{Products: []string{"pipeline"}, Layers: []string{"emr"}, Parallelism: parallelism}, func(plans *provision.Plans) error {
		for _, c := range plans.Changes() {
			g.con.Detail("%s %s", c.Action, c.Address)
		}
		return allowed(plans.Changes())
	})
	var refused *fault.Error
	if errors.As(err, &refused) && strings.Contains(refused.Hint, "--allow-destroy") { // which these commands do not have, on purpose
		return emr.Output{}, fault.New(fault.Refused, refused.Op, refused.Err, "infra plan "+p.Env.Name()+" --layer emr, which shows what forces it")
	}
	if err != nil {
		return emr.Output{}, err
	}
	_, output, err := p.Colours(ctx)
	if err == nil && output == nil {
		err = fault.New(fault.Failed, "find the clusters of "+p.Env.Name(), errors.New("the state has no output emr any more"), "infra apply "+p.Env.Name())
	}
	if err != nil {
		return emr.Output{}, err
	}
	return *output, nil
}

// tellWaits shows what is waited for: on a terminal as it changes, elsewhere a
// line now and then.
func tellWaits(con *console.Console) func(string) {
	last := time.Time{}
	return func(text string) {
		con.Live("%s", text)
		if !con.Terminal() && time.Since(last) > 20*time.Second {
			con.Step("%s", text)
			last = time.Now()
		}
	}
}

func tellEmr(con *console.Console, e emr.Event) {
	con.Live("")
	con.Step("%s  %s", e.At.Format("15:04:05"), e.What)
}

// explainMove is what somebody agrees to.
func explainMove(m *emr.Move, limits emr.Options, name string) string {
	var b strings.Builder
	if m.Step == emr.Steps(m.Back)[0] {
		fmt.Fprintf(&b, "%s takes over from %s in %s:", m.To, m.From, name)
	} else {
		fmt.Fprintf(&b, "%s goes on taking over from %s in %s, with the step %s of:", m.To, m.From, name, m.Step)
	}
	for _, step := range emr.Steps(m.Back) {
		b.WriteString(" " + string(step))
	}
	if !limits.Keep {
		fmt.Fprintf(&b, ". At the end the cluster %s is ended", m.From)
	}
	b.WriteString(". Jobs go on. Go ahead?")
	return b.String()
}
