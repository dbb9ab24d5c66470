package postgresql

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/inventory"
)

// OverviewSchema is the kind and version of the document that `infra pg
// status --output json` prints. Readers must ignore members that they do not
// know.
const OverviewSchema = "infra/pg-status/v1"

// What a database can be.
const (
	Healthy  = "healthy"  // everything is as it should be
	Degraded = "degraded" // it takes writes, and there are problems
	Down     = "down"     // it takes no writes, or clients do not get to it
	Unknown  = "unknown"  // nothing answered
)

// mostVerifiedAge is how old the last verified restore may be, as its alarm
// says.
const mostVerifiedAge = 26 * time.Hour

// Overview is all that is known of a database: what its servers say and what
// the cloud says of them. It is an infra/pg-status/v1 document.
type Overview struct {
	Schema      string    `json:"schema"`
	Environment string    `json:"environment"`
	Region      string    `json:"region"`
	At          time.Time `json:"at"`
	State       string    `json:"state"` // healthy, degraded, down or unknown
	Status
	Synchronous string    `json:"synchronous"`      // synchronous_standby_names of the primary; empty: commits wait for nobody
	Backup      *Backup   `json:"backup,omitempty"` // the last one
	Verified    *Verified `json:"verified,omitempty"`
}

// Sources are what an overview is made of.
type Sources struct {
	Common  inventory.Common
	Hosts   []inventory.Host // the nodes; none with the managed service
	Bastion *inventory.Host  // through which they are reached, if there is one
	Output  Output
	Run     Run
	AWS     aws.Config
	Records Records
	Limits  BackupLimits
}

// ReadOverview asks everything at the same time. It never fails: what could
// not be asked is a problem in it.
func ReadOverview(ctx context.Context, s Sources) *Overview {
	o := &Overview{Schema: OverviewSchema, Environment: s.Common.Environment, Region: s.Common.Region, At: time.Now().UTC()}
	var verifiedErr error
	var group sync.WaitGroup
	group.Go(func() { o.Verified, verifiedErr = s.Records.last(ctx) })
	if s.Output.Engine == "rds" {
		o.Status = ReadManaged(ctx, rds.NewFromConfig(s.AWS), s.Output)
	} else {
		s.readServers(ctx, o)
	}
	group.Wait()
	o.judgeVerified(verifiedErr)
	o.State = o.Word()
	return o
}

// readServers fills in what servers, agents and instances say.
func (s Sources) readServers(ctx context.Context, o *Overview) {
	client := s.ec2()
	agents := make([]*Agent, len(s.Hosts))
	var instances map[string]types.Instance
	var instancesErr error
	var group sync.WaitGroup
	group.Go(func() { instances, instancesErr = readInstances(ctx, client, Recorded(s.Hosts)) })
	if s.Bastion != nil {
		// Alone first: the connection to it then serves all others. That it does not answer, they tell.
		_, _ = s.Run(ctx, *s.Bastion, nil, "true")
	}
	o.Status = Read(ctx, s.Run, client, s.Hosts, s.Output)
	for i, h := range s.Hosts {
		if o.reached(h) {
			group.Go(func() { agents[i] = readAgent(ctx, s.Run, h) })
		}
	}
	group.Wait()
	for i, h := range s.Hosts {
		for k := range o.Nodes {
			if o.Nodes[k].Number == h.Number {
				o.Nodes[k].Agent = agents[i]
			}
		}
	}
	o.judgeInstances(instances, instancesErr)
	o.judgeAgents()
	o.judgeReplacements()
	if primary := o.Primary(); primary != nil {
		o.Synchronous = primary.answer.Synchronous
	}
	s.readBackups(ctx, o)
}

// readBackups asks the primary about the backups, without one any other node
// with data that answers.
func (s Sources) readBackups(ctx context.Context, o *Overview) {
	from := slices.IndexFunc(s.Hosts, func(h inventory.Host) bool { return h.Role != Witness && o.reached(h) })
	if primary := o.Primary(); primary != nil {
		from = slices.IndexFunc(s.Hosts, func(h inventory.Host) bool { return h.Number == primary.Number })
	}
	if from < 0 {
		return
	}
	backups, err := ReadBackups(ctx, s.Run, s.Hosts[from])
	if err != nil {
		o.problem("the backups are unknown: %s", said(err))
		return
	}
	if last, ok := backups.Last(); ok {
		o.Backup = &last
	}
	o.Problems = append(o.Problems, backups.Problems(s.Limits, o.At)...)
}

// reached tells whether the host answered.
func (s *Status) reached(h inventory.Host) bool {
	return slices.ContainsFunc(s.Nodes, func(n Node) bool { return n.Number == h.Number && n.Reached })
}

func (s Sources) ec2() *ec2.Client { return ec2.NewFromConfig(s.AWS) }

// Primary is the one node that takes writes, nil when none or several do.
func (s *Status) Primary() *Node {
	var found *Node
	for i := range s.Nodes {
		if !s.Nodes[i].Writable {
			continue
		}
		if found != nil {
			return nil
		}
		found = &s.Nodes[i]
	}
	return found
}

// Word is the state in one word.
func (s *Status) Word() string {
	switch {
	case s.Reached == 0:
		return Unknown
	case !s.Serving:
		return Down
	case len(s.Problems) > 0:
		return Degraded
	default:
		return Healthy
	}
}

// Healthy says whether everything is as it should be.
func (o *Overview) Healthy() bool { return o.State == Healthy }

// judgeAgents wants the program that repairs to run wherever a host answers.
func (s *Status) judgeAgents() {
	for _, n := range s.Nodes {
		if n.Agent != nil && !n.Agent.Running {
			s.problem("the agent does not run on %s: nothing repairs itself there", n.Name)
		}
	}
}

// judgeVerified minds a restore that failed, and one too long ago. One that
// was never made is for the alarm: a new platform is not ill.
func (o *Overview) judgeVerified(err error) {
	switch v := o.Verified; {
	case err != nil:
		o.problem("the last verified restore is unknown: %s", gist(err))
	case v == nil:
	case !v.Passed:
		o.problem("the restore of %s failed its checks", moment(v.EndedAt))
	case o.At.Sub(v.EndedAt) > mostVerifiedAge:
		o.problem("the last verified restore is %s old", age(o.At.Sub(v.EndedAt)))
	}
}

// moment is a time for people.
func moment(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") + " UTC" }

// age is a span for people, in the two units that matter.
func age(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%d s", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days", int(d.Hours())/24)
	}
}
