package emr

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"
)

// OverviewSchema is the kind and version of the document that `infra emr
// status --output json` prints. Readers must ignore members that they do not
// know.
const OverviewSchema = "infra/emr-status/v1"

// The states of the clusters as a whole.
const (
	Healthy  = "healthy"  // everything is as it should be
	Degraded = "degraded" // the active cluster takes jobs, and there are problems
	Down     = "down"     // it does not
	Unknown  = "unknown"  // nothing answered
)

// The advice of an overview.
const (
	Nothing  = "nothing"
	Replace  = "replace"  // the active cluster should be replaced
	Continue = "continue" // a replacement or a rollback is to be gone on with
)

// Overview is all that is to be known of the clusters: an infra/emr-status/v1
// document.
type Overview struct {
	Schema      string `json:"schema"`
	Environment string `json:"environment"`
	State       string `json:"state"`
	Status
	Advice   string   `json:"advice"`
	Reasons  []string `json:"reasons"`  // for replacing the active cluster
	Warnings []string `json:"warnings"` // what another cluster would not mend
	Move     *Move    `json:"move"`     // the last replacement or rollback; null: there was none
	Next     string   `json:"next"`     // command to type; empty: nothing is to be done
}

// Sources are what an overview is made of.
type Sources struct {
	Clients
	Environment string
	Output      Output
	Colours     Colours
	Needs       Needs
	Limit       time.Duration // for everything; 0 means 30 seconds
}

// AlarmPrefix is the common part of the names of the layer's alarms, which a
// colour follows.
func AlarmPrefix(environment string) string { return "infra-" + environment + "-emr-" }

// ReadOverview asks about the clusters and never fails.
func ReadOverview(ctx context.Context, s Sources) *Overview {
	if s.Limit == 0 {
		s.Limit = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, s.Limit, fmt.Errorf("no answer within %s", s.Limit))
	defer cancel()
	status := Read(ctx, s.Clients, s.Output, AlarmPrefix(s.Environment))
	var group sync.WaitGroup
	for i := range status.Clusters {
		if c := &status.Clusters[i]; takesJobs(c.State) {
			group.Go(func() { c.Health = readHealth(ctx, s.CloudWatch, c.ID) })
		}
	}
	group.Wait()
	return judgeOverview(s, status, time.Now())
}

// judgeOverview decides what the answers mean and what is to be done.
func judgeOverview(s Sources, status Status, now time.Time) *Overview {
	o := &Overview{
		Schema: OverviewSchema, Environment: s.Environment, Status: status,
		Advice: Nothing, Reasons: []string{}, Warnings: []string{}, Move: s.Colours.Move,
	}
	gone := false // the active cluster, so that there is nothing to be moved away from
	for i := range o.Clusters {
		c := &o.Clusters[i]
		if c.Release != "" {
			support := SupportOf(c.Release, now)
			c.Support = &support
		}
		for _, warning := range Warnings(*c) {
			o.Warnings = append(o.Warnings, c.Colour+": "+warning)
		}
		if c.Active {
			o.Reasons = Reasons(*c, s.Needs, now)
			gone = strings.HasPrefix(c.State, "TERMINAT")
		}
	}
	switch {
	case gone:
		o.Advice, o.Next = Replace, "infra apply "+s.Environment+" --layer emr"
	case s.Colours.UnderWay():
		o.Advice, o.Next = Continue, "infra emr "+s.Colours.Move.verb()+" "+s.Environment
	case len(o.Reasons) > 0:
		o.Advice, o.Next = Replace, "infra emr replace "+s.Environment
	}
	switch {
	case o.Reached == 0:
		o.State = Unknown
	case !o.Serving:
		o.State = Down
	case len(o.Problems) > 0 || len(o.Warnings) > 0 || o.Advice != Nothing:
		o.State = Degraded
	default:
		o.State = Healthy
	}
	return o
}

// Healthy says whether everything was asked and is as it should be.
func (o *Overview) Healthy() bool { return o.State == Healthy }
