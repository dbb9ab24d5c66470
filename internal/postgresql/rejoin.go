package postgresql

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"infra/internal/fault"
)

// RejoinSchema is the kind and version of a rejoin's report.
const RejoinSchema = "infra/pg-rejoin/v1"

// startLimit is how long a stopped instance may take until its host answers.
const startLimit = 10 * time.Minute

// PlanRejoin decides whether a node can be made a standby of the primary. One
// that is so already is an empty plan.
func PlanRejoin(o *Overview, name string) (node Node, needed bool, err error) {
	op := "rejoin " + name
	n, err := o.named(op, name)
	if err != nil {
		return n, false, err
	}
	primary := o.Primary()
	switch {
	case n.RecordedRole == Witness || n.Role == Witness:
		return n, false, refused(op, []string{"the witness has no data to rejoin with; its agent has it follow the primary"}, "infra configure "+o.Environment+" --layer postgresql, to make it anew")
	case primary == nil:
		return n, false, refused(op, []string{"there is no one primary to follow"}, "infra pg status "+o.Environment+"; infra pg failover "+o.Environment)
	case primary.Number == n.Number:
		return n, false, refused(op, []string{"it is the primary"}, "infra pg switchover "+o.Environment+", if another is to be")
	case n.Instance == "gone" || n.Instance == string(types.InstanceStateNameTerminated):
		return n, false, refused(op, []string{"its instance does not exist any more"}, "infra apply "+o.Environment+", which makes another and clones it")
	}
	return n, !follows(n, *primary) || n.Fenced != "", nil
}

// named is the node of that name.
func (o *Overview) named(op, name string) (Node, error) {
	i := slices.IndexFunc(o.Nodes, func(n Node) bool { return n.Name == name })
	if i >= 0 {
		return o.Nodes[i], nil
	}
	var names []string
	for _, n := range o.Nodes {
		names = append(names, n.Name)
	}
	return Node{}, fault.New(fault.Usage, op, fmt.Errorf("no such node; there are %s", strings.Join(names, ", ")), "infra pg status "+o.Environment)
}

// follows tells whether a standby is as it should be.
func follows(n, primary Node) bool {
	return n.Role == Standby && n.Streaming && n.Timeline == primary.Timeline && n.Follows == primary.Name
}

// Rejoin makes a node a standby of the primary again: its instance is started
// when it is stopped, and its program does the rest, as its agent would in
// time.
func Rejoin(ctx context.Context, w Work, n Node) (*Done, error) {
	o := w.begin(RejoinSchema, "", n.Name)
	fail := func(err error) (*Done, error) {
		return o.end(o.look(context.WithoutCancel(ctx))), fault.New(fault.Failed, "rejoin "+n.Name, err,
			fmt.Sprintf("infra ssh %s %s -- sudo tail %s", o.done.Environment, n.Name, hostJournal))
	}
	if err := o.startInstance(ctx, n); err != nil {
		return fail(err)
	}
	asking, cancel := context.WithTimeout(ctx, rejoinLimit)
	defer cancel()
	o.step(n.Name, "is asked to rejoin")
	told := o.tellEvents(asking, n)
	err := o.program(asking, n, nil, "rejoin")
	told()
	if err != nil {
		return fail(o.whyNot(ctx, n, err))
	}
	o.Touched(o.host(n), "rejoined")
	s, streams := o.until(ctx, settleLimit, func(s Status) bool {
		primary := s.Primary()
		return primary != nil && slices.ContainsFunc(s.Nodes, func(other Node) bool { return other.Number == n.Number && follows(other, *primary) })
	})
	if !streams {
		return fail(errors.New("it does not stream from the primary yet"))
	}
	return o.end(s), nil
}

// startInstance starts the node's instance when it is stopped, and waits until
// its host answers.
func (o *operation) startInstance(ctx context.Context, n Node) error {
	if n.Reached {
		return nil
	}
	client := o.ec2()
	deadline := time.Now().Add(startLimit)
	asked := false
	for {
		instances, err := readInstances(ctx, client, []Node{n})
		if err != nil {
			return err
		}
		state := instances[n.ID].State
		switch {
		case state == nil:
			return errors.New("its instance does not exist any more")
		case state.Name == types.InstanceStateNameStopped && !asked:
			if _, err := client.StartInstances(ctx, &ec2.StartInstancesInput{InstanceIds: []string{n.ID}}); err != nil {
				return err
			}
			asked = true
			o.step(n.Name, "its instance is started")
			o.Touched(o.host(n), "started")
		case state.Name == types.InstanceStateNameRunning:
			if _, err := o.Run(ctx, o.host(n), nil, "true"); err == nil {
				return nil
			}
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("its host does not answer after %s, its instance is %s", startLimit, state.Name)
		}
		if err := sleep(ctx, time.Second); err != nil {
			return err
		}
	}
}

// whyNot is the reason in the node's journal for a rejoin that did not end
// well, else the error itself.
func (o *operation) whyNot(ctx context.Context, n Node, err error) error {
	agent := readAgent(ctx, o.Run, o.host(n))
	e, ok := agent.last("rejoin_failed", "rejoin_view", "replacement_wanted")
	var fields struct {
		Reason  string `json:"reason"`
		Problem string `json:"problem"`
	}
	if ok && json.Unmarshal(e.Fields, &fields) == nil {
		if why := cmp.Or(fields.Problem, fields.Reason); why != "" {
			return errors.New(why)
		}
	}
	return errors.New(said(err))
}

// sleep waits, or returns early with the context's error.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
