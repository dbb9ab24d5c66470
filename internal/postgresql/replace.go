package postgresql

import (
	"context"
	"errors"
	"slices"

	"infra/internal/fault"
)

// ReplaceSchema is the kind and version of the report of a node that was
// replaced.
const ReplaceSchema = "infra/pg-replace/v1"

// wantsReplacement is the agent's word that it neither could rewind nor copy,
// and those after which it no longer counts.
const (
	wantsReplacement = "replacement_wanted"
	rejoinedEvent    = "rejoined"
	rejoinEndedEvent = "rejoin_finished"
)

// WantReplacement are the names of the nodes whose agent has given up on them.
func (o *Overview) WantReplacement() []string {
	var names []string
	for _, n := range o.Nodes {
		if e, ok := n.Agent.last(wantsReplacement, rejoinedEvent, rejoinEndedEvent); ok && e.Name == wantsReplacement {
			names = append(names, n.Name)
		}
	}
	return names
}

func (o *Overview) judgeReplacements() {
	for _, name := range o.WantReplacement() {
		o.problem("%s can be made a standby neither by rewinding nor by copying: infra pg rejoin %s %s --replace", name, o.Environment, name)
	}
}

// PlanReplace decides whether a node's instance can be replaced by a new one:
// of a node with data, while another is the primary.
func PlanReplace(o *Overview, name string) (Node, error) {
	op := "replace " + name
	n, err := o.named(op, name)
	if err != nil {
		return n, err
	}
	switch primary := o.Primary(); {
	case n.RecordedRole == Witness || n.Role == Witness:
		return n, refused(op, []string{"the witness holds no data that could be broken"}, "infra configure "+o.Environment+" --layer postgresql, to make it anew")
	case primary == nil:
		return n, refused(op, []string{"there is no one primary to copy the data from"}, "infra pg status "+o.Environment+"; infra pg failover "+o.Environment)
	case primary.Number == n.Number:
		return n, refused(op, []string{"it is the primary"}, "infra pg switchover "+o.Environment+", then infra pg rejoin "+o.Environment+" "+name+" --replace")
	}
	return n, nil
}

// Replace has a node's instance and volumes replaced and waits until the new
// node follows the primary. machine makes it and configures it; look is asked
// of the cluster as it is then, for the new node has another address.
func Replace(ctx context.Context, w Work, n Node, machine func(context.Context) error, look func(context.Context) (Status, error)) (*Done, error) {
	o := w.begin(ReplaceSchema, "", n.Name)
	hint := "infra pg status " + o.done.Environment
	o.step(n.Name, "its instance %s is replaced", n.ID)
	o.Touched(o.host(n), "replaced")
	if err := machine(ctx); err != nil {
		return nil, err
	}
	o.step(n.Name, "is made anew and configured")
	waiting, cancel := context.WithTimeout(ctx, settleLimit)
	defer cancel()
	for {
		s, err := look(waiting)
		if err != nil && waiting.Err() == nil {
			return o.end(s), err
		}
		primary := s.Primary()
		if primary != nil && slices.ContainsFunc(s.Nodes, func(other Node) bool { return other.Number == n.Number && follows(other, *primary) }) {
			o.step(n.Name, "streams from %s", primary.Name)
			return o.end(s), nil
		}
		if sleep(waiting, lookEvery) != nil {
			return o.end(s), fault.New(fault.Failed, "replace "+n.Name, errors.New("the new node does not stream from the primary yet"), hint)
		}
	}
}
