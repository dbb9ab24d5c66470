// Package status composes what an environment's layers say of themselves into
// one report. Layers are asked at the same time, each with a deadline of its
// own; a host or service that does not answer is a line in the report and
// never an error of the report. Without probing, the report holds what the
// state knows and says that nothing was asked.
package status

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/rds"

	"infra/internal/emr"
	"infra/internal/inventory"
	"infra/internal/postgresql"
	"infra/internal/zookeeper"
)

// Schema is the kind and version of the document that `infra status --output
// json` prints. Readers must ignore members that they do not know.
const Schema = "infra/status/v1"

// The states of an environment and its layers.
const (
	Healthy   = "healthy"    // everything is as it should be
	Degraded  = "degraded"   // it serves, and there are problems
	Down      = "down"       // it does not serve
	Unknown   = "unknown"    // it was asked and nothing answered
	NotProbed = "not probed" // nothing was asked
)

// Run executes a command on a host and returns its stdout, as the method of
// that name of an SSH client does.
type Run func(ctx context.Context, host inventory.Host, stdin io.Reader, argv ...string) ([]byte, error)

// Unreachable is a Run for when there is no way to any host: err is the reason
// that each of them is shown with.
func Unreachable(err error) Run {
	return func(context.Context, inventory.Host, io.Reader, ...string) ([]byte, error) { return nil, err }
}

// Sources are what a report is made of.
type Sources struct {
	Inventory  *inventory.Inventory
	PostgreSQL *postgresql.Output // nil: the state has no such layer
	EMR        *emr.Output        // nil: the state has no such layer
	Run        Run                // to reach hosts
	AWS        aws.Config         // to reach services
	Limit      time.Duration      // for each probe; 0 means 20 seconds
}

// Report is the state of an environment. It is an infra/status/v1 document.
type Report struct {
	Schema      string      `json:"schema"`
	Environment string      `json:"environment"`
	Region      string      `json:"region"`
	State       string      `json:"state"`  // the worst of the layers'
	Probed      bool        `json:"probed"` // false: only what the state knows
	Bastion     *Bastion    `json:"bastion,omitempty"`
	Zookeeper   *Zookeeper  `json:"zookeeper,omitempty"`
	PostgreSQL  *PostgreSQL `json:"postgresql,omitempty"`
	EMR         *EMR        `json:"emr,omitempty"`
}

// Bastion is the host through which the others are reached.
type Bastion struct {
	State   string `json:"state"`
	Name    string `json:"name"`
	ID      string `json:"id"`
	Address string `json:"address"` // the public one
	Error   string `json:"error,omitempty"`
}

// Zookeeper is the ensemble with its verdict.
type Zookeeper struct {
	State string `json:"state"`
	zookeeper.Status
}

// PostgreSQL is the database with its verdict.
type PostgreSQL struct {
	State string `json:"state"`
	postgresql.Status
}

// EMR is the clusters with their verdict.
type EMR struct {
	State string `json:"state"`
	emr.Status
}

// Healthy says whether everything was asked and is as it should be.
func (r *Report) Healthy() bool { return r.State == Healthy }

// Recorded is the report that needs no network beyond the state: roles are
// those that hosts were made for.
func Recorded(s Sources) *Report {
	r := newReport(s)
	r.State = NotProbed
	if b, ok := s.Inventory.Bastion(); ok {
		r.Bastion = bastionOf(b, NotProbed)
	}
	if hosts := s.Inventory.Layer("zookeeper"); len(hosts) > 0 {
		status := zookeeper.Status{Problems: []string{}, Quorum: len(hosts)/2 + 1, Members: zookeeper.Recorded(hosts)}
		r.Zookeeper = &Zookeeper{State: NotProbed, Status: status}
	}
	if s.PostgreSQL != nil {
		status := postgresql.Status{
			Engine: s.PostgreSQL.Engine, Problems: []string{}, Endpoint: postgresql.Endpoint{Address: s.PostgreSQL.Address},
			Nodes: postgresql.Recorded(s.Inventory.Layer("postgresql")),
		}
		if identifier := aws.ToString(s.PostgreSQL.Identifier); identifier != "" {
			status.Managed = &postgresql.Managed{Identifier: identifier}
		}
		r.PostgreSQL = &PostgreSQL{State: NotProbed, Status: status}
	}
	if s.EMR != nil {
		pointer, clusters := emr.Recorded(*s.EMR)
		r.EMR = &EMR{State: NotProbed, Status: emr.Status{Problems: []string{}, Pointer: pointer, Clusters: clusters}}
	}
	return r
}

// Read asks everything and never fails.
func Read(ctx context.Context, s Sources) *Report {
	if s.Limit == 0 {
		s.Limit = 20 * time.Second
	}
	r := newReport(s)
	r.Probed = true
	var group sync.WaitGroup
	if s.EMR != nil {
		group.Go(func() { r.EMR = s.readEMR(ctx) })
	}
	if s.PostgreSQL != nil && s.PostgreSQL.Engine == "rds" {
		group.Go(func() { r.PostgreSQL = s.readManaged(ctx) })
	}
	group.Go(func() {
		// The bastion alone first: the connection to it then serves all others.
		run := s.Run
		if b, ok := s.Inventory.Bastion(); ok {
			if r.Bastion = s.readBastion(ctx, b); r.Bastion.Error != "" {
				run = Unreachable(errors.New("not asked: the bastion does not answer"))
			}
		}
		var hosts sync.WaitGroup
		if members := s.Inventory.Layer("zookeeper"); len(members) > 0 {
			hosts.Go(func() { r.Zookeeper = s.readZookeeper(ctx, run, members) })
		}
		if s.PostgreSQL != nil && s.PostgreSQL.Engine != "rds" {
			hosts.Go(func() { r.PostgreSQL = s.readPostgreSQL(ctx, run) })
		}
		hosts.Wait()
	})
	group.Wait()
	r.State = r.worst()
	return r
}

func newReport(s Sources) *Report {
	common := s.Inventory.Common()
	return &Report{Schema: Schema, Environment: common.Environment, Region: common.Region}
}

// limited is a context for one probe.
func (s Sources) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, s.Limit, fmt.Errorf("no answer within %s", s.Limit))
}

func bastionOf(b inventory.Host, state string) *Bastion {
	return &Bastion{State: state, Name: b.Name, ID: b.ID, Address: b.PublicAddress}
}

func (s Sources) readBastion(ctx context.Context, b inventory.Host) *Bastion {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	bastion := bastionOf(b, Healthy)
	if _, err := s.Run(ctx, b, nil, "true"); err != nil {
		bastion.State, bastion.Error = Down, err.Error()
	}
	return bastion
}

func (s Sources) readZookeeper(ctx context.Context, run Run, hosts []inventory.Host) *Zookeeper {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	status := zookeeper.Read(ctx, zookeeper.Run(run), hosts)
	return &Zookeeper{State: verdict(status.Serving, status.Reached, status.Problems), Status: status}
}

func (s Sources) readPostgreSQL(ctx context.Context, run Run) *PostgreSQL {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	status := postgresql.Read(ctx, postgresql.Run(run), ec2.NewFromConfig(s.AWS), s.Inventory.Layer("postgresql"), *s.PostgreSQL)
	return &PostgreSQL{State: verdict(status.Serving, status.Reached, status.Problems), Status: status}
}

func (s Sources) readManaged(ctx context.Context) *PostgreSQL {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	status := postgresql.ReadManaged(ctx, rds.NewFromConfig(s.AWS), *s.PostgreSQL)
	return &PostgreSQL{State: verdict(status.Serving, status.Reached, status.Problems), Status: status}
}

func (s Sources) readEMR(ctx context.Context) *EMR {
	ctx, cancel := s.limited(ctx)
	defer cancel()
	status := emr.Read(ctx, emr.NewClients(s.AWS), *s.EMR, emr.AlarmPrefix(s.Inventory.Common().Environment))
	return &EMR{State: verdict(status.Serving, status.Reached, status.Problems), Status: status}
}

func verdict(serving bool, reached int, problems []string) string {
	switch {
	case reached == 0:
		return Unknown
	case !serving:
		return Down
	case len(problems) > 0:
		return Degraded
	default:
		return Healthy
	}
}

// worst is the state of the whole: as bad as its worst layer. A bastion that
// does not answer degrades, since the platform works without it.
func (r *Report) worst() string {
	states := []string{Healthy}
	if r.Bastion != nil && r.Bastion.State == Down {
		states = append(states, Degraded)
	}
	if r.Zookeeper != nil {
		states = append(states, r.Zookeeper.State)
	}
	if r.PostgreSQL != nil {
		states = append(states, r.PostgreSQL.State)
	}
	if r.EMR != nil {
		states = append(states, r.EMR.State)
	}
	order := []string{Healthy, Degraded, Unknown, Down}
	return slices.MaxFunc(states, func(a, b string) int {
		return cmp.Compare(slices.Index(order, a), slices.Index(order, b))
	})
}
