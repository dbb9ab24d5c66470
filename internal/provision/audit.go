package provision

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"time"

	"infra/internal/affected"
	"infra/internal/audit"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/survey"
)

// Audited is what an audit found, and the facts that it judged.
type Audited struct {
	Findings []audit.Finding
	Facts    *audit.Facts
}

// Audit looks at who can reach and do what in the environment, by reading
// alone: it takes no lease and no lock, starts no Terraform and writes nothing.
// AWS says what is there, the states whose it is, and the code on which line.
func (p *Platform) Audit(ctx context.Context, wait run.Wait) (*Audited, error) {
	p.looking = true
	ignore, err := audit.ParseIgnore(p.Env.Settings().Audit.Ignore)
	if err != nil {
		return nil, fault.New(fault.Usage, "read audit.ignore of "+p.Env.Name(), err, "infra validate "+p.Env.Name())
	}
	states, err := p.known(ctx, wait)
	if err != nil {
		return nil, err
	}
	facts := &audit.Facts{Environment: p.Env.Name(), Account: p.Env.Account(), Now: time.Now(), Managed: map[string]audit.Managed{}}
	scope := survey.Scope{Environment: p.Env.Name(), PathStyle: p.Env.Emulated(), Managed: facts.Managed}
	if err := p.auditCode(states, facts); err != nil {
		return nil, err
	}
	if scope.VPC, err = vpcOf(states[platformProduct]); err != nil {
		return nil, fault.New(fault.Failed, "audit "+p.Env.Name(), err, "infra state show "+p.Env.Name())
	}
	names, err := environment.List(p.Project)
	if err != nil {
		return nil, err
	}
	scope.Others = slices.DeleteFunc(names, func(name string) bool { return name == p.Env.Name() })
	defer p.con.Still(p.Env.Name()+": asking AWS", "")()
	if err := survey.Take(ctx, p.aws, scope, facts); err != nil {
		return nil, fault.New(fault.CodeOf(err), "audit "+p.Env.Name(), err, "infra audit "+p.Env.Name())
	}
	for i, u := range facts.Unasked {
		facts.Unasked[i].Why = p.con.Masked(u.Why)
	}
	return &Audited{audit.Judge(facts, ignore), facts}, nil
}

// vpcOf is the id of the network that a state has; empty before there is one.
func vpcOf(s *state.State) (string, error) {
	var vpc struct {
		ID string `json:"id"`
	}
	if s == nil {
		return "", nil
	}
	_, err := s.Decode("vpc", &vpc)
	return vpc.ID, err
}

// auditCode notes what the states have of each thing, with the line of its
// block and what the block says about checks.
func (p *Platform) auditCode(states map[string]*state.State, facts *audit.Facts) error {
	tree := os.DirFS(p.Project)
	for _, product := range stack.Products().Names() {
		s := states[product]
		if s == nil {
			continue
		}
		blocks, err := affected.Blocks(tree, product)
		if err != nil {
			return err
		}
		for _, i := range s.Instances() {
			if i.Mode != "managed" || i.Deposed != "" {
				continue
			}
			m := audit.Managed{Stack: p.stack(product).String(), Address: i.Address}
			if b, ok := blocks[affected.Unkeyed(i.Address)]; ok {
				m.Place = &audit.Place{File: b.File, Line: b.Line}
				for _, skip := range b.Skips {
					m.Skips = append(m.Skips, audit.Skip{ID: skip.ID, Reason: skip.Reason, Place: audit.Place{File: b.File, Line: skip.Line}})
				}
			}
			for _, thing := range thingsOf(i) {
				facts.Managed[thing.Key()] = m
			}
			if i.Type == "aws_cloudwatch_metric_alarm" {
				facts.Watched = append(facts.Watched, audit.Thing{Type: i.Type, ID: i.ID})
			}
		}
	}
	return nil
}

// thingsOf are the names by which AWS may speak of an instance of a resource,
// and what it has made besides: an instance has its first volume.
func thingsOf(i state.Instance) []audit.Thing {
	var a struct {
		ARN        string `json:"arn"`
		Name       string `json:"name"`
		Identifier string `json:"identifier"`
		Rule       string `json:"security_group_rule_id"`
		Root       []struct {
			Volume string `json:"volume_id"`
		} `json:"root_block_device"`
	}
	// Attributes of another type than text are of resources that nobody asks for.
	_ = json.Unmarshal(i.Attributes, &a)
	var things []audit.Thing
	for _, id := range []string{i.ID, a.ARN, a.Name, a.Identifier} {
		if id != "" {
			things = append(things, audit.Thing{Type: i.Type, ID: id})
		}
	}
	if a.Rule != "" && i.Type == "aws_security_group_rule" {
		things = append(things, audit.Thing{Type: "aws_vpc_security_group_ingress_rule", ID: a.Rule})
	}
	for _, root := range a.Root {
		if i.Type == "aws_instance" {
			things = append(things, audit.Thing{Type: "aws_ebs_volume", ID: root.Volume})
		}
	}
	return things
}
