package emr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/emr"
	"github.com/aws/aws-sdk-go-v2/service/emr/types"

	"infra/internal/console"
	"infra/internal/fault"
)

// check looks whether data would go with the colour that is to go. A cluster
// that takes no steps any more has lost its HDFS already.
func (w *Work) check(ctx context.Context, c *Colours, d *Done) error {
	m := c.Move
	cluster, there := w.Output.Clusters[m.From]
	switch {
	case !there:
		return nil
	case w.Options.Discard:
		d.event(w, m.Step, "what %s has in HDFS may go: nobody looks", m.From)
		return nil
	}
	m.FromID = cluster.ID
	now := Cluster{Colour: m.From, ID: cluster.ID}
	readCluster(ctx, w.EMR, &now)
	if m.Step == Check && strings.HasPrefix(now.State, "TERMINAT") {
		return fault.New(fault.Refused, w.op(m), fmt.Errorf("%s (%s) is %s%s: there is nothing to move away from", m.From, m.FromID, now.State, because(now.Reason)),
			"infra apply "+w.Records.Environment+" --layer emr, which makes it anew")
	}
	if !takesJobs(now.State) && now.Error == "" {
		d.event(w, m.Step, "%s (%s) is %s: its HDFS is not to be asked", m.From, m.FromID, now.State)
		return nil
	}
	hint := w.again(m) + " --discard-hdfs, if what it holds may be lost"
	answer, _, err := w.question(ctx, c, cluster.ID, "hdfs", func(_, answer string) ([]string, error) { return countCommand(answer) })
	if err != nil {
		return unanswered(w.op(m), err, hint)
	}
	data, err := userData(answer)
	if err != nil {
		return fault.New(fault.Refused, w.op(m), err, hint)
	}
	if len(data) > 0 {
		lines := make([]string, len(data))
		for i, f := range data {
			lines[i] = fmt.Sprintf("  %s: %s, %s", f.Path, console.Count(int(f.Files), "file"), console.Size(f.Bytes))
		}
		return fault.New(fault.Refused, w.op(m), fmt.Errorf("the HDFS of %s (%s) holds data that would go with it:\n%s", m.From, cluster.ID, strings.Join(lines, "\n")),
			"copy them to S3 (s3-dist-cp), then "+w.again(m)+"; or "+hint)
	}
	d.event(w, m.Step, "the HDFS of %s (%s) holds nothing of anybody's", m.From, cluster.ID)
	return nil
}

// unanswered is the error of a question that got no answer; what ended the
// question early stays what it is.
func unanswered(op string, err error, hint string) error {
	var known *fault.Error
	if errors.As(err, &known) || errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Refused, op, err, hint)
}

// ready waits until the new colour takes jobs and all of its nodes run.
func (w *Work) ready(ctx context.Context, c *Colours, d *Done) error {
	m := c.Move
	cluster, there := w.Output.Clusters[m.To]
	if !there {
		return fault.New(fault.Failed, w.op(m), errors.New("the state has no cluster "+m.To), "infra apply "+w.Records.Environment)
	}
	m.ToID = cluster.ID
	deadline := time.Now().Add(w.Options.Ready)
	for {
		now := Cluster{Colour: m.To, ID: cluster.ID}
		readCluster(ctx, w.EMR, &now)
		lacks := missing(now)
		switch {
		case lacks == "":
			d.event(w, m.Step, "%s (%s) is %s with %s", m.To, m.ToID, now.State, nodesText(now.Groups))
			return nil
		case strings.HasPrefix(now.State, "TERMINAT"):
			return fault.New(fault.Failed, w.op(m), fmt.Errorf("%s (%s) %s", m.To, m.ToID, lacks), w.back(m))
		case time.Now().After(deadline):
			return fault.New(fault.Failed, w.op(m), fmt.Errorf("after %s %s (%s) %s", w.Options.Ready, m.To, m.ToID, lacks), w.back(m))
		}
		w.Live(m.To + " " + lacks)
		if err := pause(ctx, w.Options.Every); err != nil {
			return err
		}
	}
}

// missing says why a cluster is not ready; empty when it is.
func missing(c Cluster) string {
	switch {
	case c.Error != "":
		return "cannot be asked: " + c.Error
	case !takesJobs(c.State):
		return "is " + c.State + because(c.Reason)
	}
	for _, g := range c.Groups {
		if g.Running < g.Requested {
			return fmt.Sprintf("has %d of %d %s nodes", g.Running, g.Requested, strings.ToLower(g.Type))
		}
	}
	return ""
}

// smoke tries the new colour before anybody depends on it.
func (w *Work) smoke(ctx context.Context, c *Colours, d *Done) error {
	m := c.Move
	answer, nonce, err := w.question(ctx, c, w.Output.Clusters[m.To].ID, "smoke", func(question, answer string) ([]string, error) {
		return smokeCommand(w.Needs.Applications, question, answer)
	})
	if err != nil {
		return unanswered(w.op(m), fmt.Errorf("%s (%s) failed the smoke test: %w", m.To, m.ToID, err), w.back(m))
	}
	spark := slices.ContainsFunc(w.Needs.Applications, func(a string) bool { return strings.EqualFold(a, "Spark") })
	tried, problems := judgeSmoke(answer, nonce, spark)
	if len(problems) > 0 {
		return fault.New(fault.Refused, w.op(m), fmt.Errorf("%s (%s) failed the smoke test: %s", m.To, m.ToID, strings.Join(problems, "; ")), w.back(m))
	}
	d.event(w, m.Step, "%s has run an application, read from S3 and written to it; %.0f%% of the primary's memory are free", m.To, tried.MemoryFree)
	return nil
}

// drain waits until the colour that was left has nothing to do any more.
func (w *Work) drain(ctx context.Context, c *Colours, d *Done) error {
	m := c.Move
	cluster, there := w.Output.Clusters[m.From]
	if !there {
		return nil
	}
	since, deadline, told := m.Flipped.Add(w.Options.Grace), time.Now().Add(w.Options.Drain), ""
	for {
		load, state, err := w.load(ctx, cluster.ID)
		if err == nil && !takesJobs(state) {
			d.event(w, m.Step, "%s (%s) is %s: nothing runs there", m.From, cluster.ID, state)
			return nil
		}
		drained, waits := Drained(load, since, time.Now())
		if err != nil {
			drained, waits = false, "an answer: "+gist(err)
		}
		if drained {
			d.event(w, m.Step, "%s (%s) has nothing to do any more", m.From, cluster.ID)
			return nil
		}
		if waits != told {
			w.Live(m.From + " waits for " + waits)
			told = waits
		}
		// Clients that know the old pointer are waited for in any case.
		if now := time.Now(); now.After(deadline) && now.After(since) {
			if w.Options.Force {
				d.event(w, m.Step, "after %s %s still waits for %s: it is dropped all the same", w.Options.Drain, m.From, waits)
				return nil
			}
			return fault.New(fault.Refused, w.op(m), fmt.Errorf("after %s %s (%s) still waits for %s", w.Options.Drain, m.From, cluster.ID, waits),
				w.again(m)+", which waits again; with --force-drop it ends them; infra emr rollback "+w.Records.Environment+" moves back")
		}
		if err := pause(ctx, w.Options.Every); err != nil {
			return err
		}
	}
}

// load is what a cluster works on, and its state.
func (w *Work) load(ctx context.Context, clusterID string) (l Load, state string, err error) {
	now := Cluster{ID: clusterID}
	if readCluster(ctx, w.EMR, &now); now.Error != "" {
		return l, "", errors.New(now.Error)
	}
	if !takesJobs(now.State) {
		return l, now.State, nil
	}
	pages := emr.NewListStepsPaginator(w.EMR, &emr.ListStepsInput{
		ClusterId: &clusterID, StepStates: []types.StepState{types.StepStatePending, types.StepStateRunning, types.StepStateCancelPending},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return l, now.State, err
		}
		for _, step := range page.Steps {
			l.Steps = append(l.Steps, fmt.Sprintf("%s %s", aws.ToString(step.Name), aws.ToString(step.Id)))
		}
	}
	l.Running, l.Pending, err = readApps(ctx, w.CloudWatch, clusterID)
	return l, now.State, err
}

// unwell is how many looks in a row must find something wrong: a node that
// comes and goes is no reason to move back.
const unwell = 3

// watch looks at the colour that took over.
func (w *Work) watch(ctx context.Context, c *Colours, d *Done) error {
	m, bad := c.Move, 0
	for end := time.Now().Add(w.Options.Watch); ; {
		o := ReadOverview(ctx, Sources{Clients: w.Clients, Environment: w.Records.Environment, Output: w.Output, Colours: *c, Needs: w.Needs})
		if ctx.Err() != nil {
			return ctx.Err()
		}
		problems := of(o, m.To)
		if bad++; len(problems) == 0 {
			bad = 0
		}
		if bad >= unwell {
			return fault.New(fault.Failed, w.op(m), fmt.Errorf("%s (%s), which took over, is not well: %s", m.To, m.ToID, strings.Join(problems, "; ")), w.back(m))
		}
		left := time.Until(end)
		if left <= 0 && bad == 0 {
			d.event(w, m.Step, "%s (%s) is well", m.To, m.ToID)
			return nil
		}
		w.Live(fmt.Sprintf("%s is watched for another %s", m.To, max(left, 0).Round(time.Second)))
		if err := pause(ctx, w.Options.Every); err != nil {
			return err
		}
	}
}

// of are what is wrong with a colour: that there are two, and what is the
// matter with the other one, is not its fault. Alarms that are on for as long
// as there are no data are left to the readings.
func of(o *Overview, colour string) []string {
	var problems []string
	for _, c := range o.Clusters {
		if c.Colour == colour {
			problems = ill(c)
		}
	}
	for _, p := range o.Problems {
		name, silent := strings.CutPrefix(p, colour+": the alarm ")
		silent = silent && slices.Contains([]string{"idle is on", "primary-memory is on", "primary-swap is on", "yarn-memory is on"}, name)
		if !silent && !strings.HasPrefix(p, other(colour)+" ") && !strings.HasPrefix(p, other(colour)+":") {
			problems = append(problems, p)
		}
	}
	return problems
}

// explain makes an interrupt of a wait what it is: everything is saved. What
// Terraform makes of one, or the loss of the lease, stays as it is.
func (w *Work) explain(ctx context.Context, m *Move, err error) error {
	code := fault.CodeOf(err)
	stopped := ctx.Err() != nil && fault.CodeOf(context.Cause(ctx)) == fault.Interrupted
	if !stopped || code != fault.Failed && code != fault.Refused && !errors.Is(err, context.Canceled) {
		return err
	}
	return fault.New(fault.Interrupted, w.op(m), errors.New("interrupted, and written down how far it got"), w.again(m))
}
