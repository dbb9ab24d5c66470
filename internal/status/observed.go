package status

import (
	"cmp"
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"

	"infra/internal/account"
	"infra/internal/topology"
)

// Observed is what the report adds to a picture of the environment.
func (r *Report) Observed() topology.Observed {
	o := topology.Observed{Nodes: map[string]topology.Node{}, Links: []topology.Link{}, Endpoints: map[string]string{}, Layers: []topology.Layer{}}
	if b := r.Bastion; b != nil {
		o.Nodes[b.Name] = topology.Node{Role: "bastion", Problem: b.Error}
	}
	if r.Zookeeper != nil {
		r.Zookeeper.observe(&o)
	}
	if r.PostgreSQL != nil {
		r.PostgreSQL.observe(&o)
	}
	if r.EMR != nil {
		r.EMR.observe(&o)
	}
	return o
}

func (z *Zookeeper) observe(o *topology.Observed) {
	leader := "no leader"
	for _, m := range z.Members {
		o.Nodes[m.Name] = topology.Node{Role: m.Mode, Problem: m.Error}
		if m.Mode == "leader" {
			leader = "led by " + m.Name
		}
	}
	if z.Reached == 0 {
		leader = "its leader is not known"
	}
	o.Layers = append(o.Layers, layerOf("zookeeper", z.State, fmt.Sprintf("%d servers, a quorum is %d, %s", len(z.Members), z.Quorum, leader)))
}

func (p *PostgreSQL) observe(o *topology.Observed) {
	says := "primary " + cmp.Or(p.Endpoint.Holder, "not known")
	for _, n := range p.Nodes {
		node := topology.Node{Role: n.Role, Problem: n.Error}
		if n.Role == "standby" {
			node.Detail = fmt.Sprintf("%d B, %.1f s behind", n.LagBytes, n.LagSeconds)
			link := topology.Link{From: n.Follows, To: n.Name, State: topology.Streaming}
			if !n.Streaming {
				link.State, node.Detail = topology.Broken, "does not stream"
			}
			if link.From != "" {
				o.Links = append(o.Links, link)
			}
		}
		if n.Role == "primary" {
			says = "primary " + n.Name
		}
		o.Nodes[n.Name] = node
	}
	if p.Managed != nil {
		o.Nodes[p.Managed.Identifier] = topology.Node{Role: p.Managed.State}
		o.Endpoints["postgresql"] = p.Managed.Identifier
		says = "managed by RDS, " + cmp.Or(p.Managed.State, "state not known")
	} else if p.Endpoint.Holder != "" {
		o.Endpoints["postgresql"] = p.Endpoint.Holder
	}
	o.Layers = append(o.Layers, layerOf("postgresql", p.State, says))
}

func (e *EMR) observe(o *topology.Observed) {
	for _, c := range e.Clusters {
		name := "emr-" + c.Colour
		role := strings.ToLower(c.State)
		if role != "" && c.Active {
			role = "active"
		}
		o.Nodes[name] = topology.Node{Role: role, Problem: c.Error}
		says := name + " " + cmp.Or(strings.ToLower(c.State), "does not answer")
		if c.Active {
			says += ", active"
		}
		o.Layers = append(o.Layers, layerOf("emr", e.State, says))
	}
	if e.Pointer.Colour != "" {
		o.Endpoints["emr"] = "emr-" + e.Pointer.Colour
	}
}

func layerOf(name, state, says string) topology.Layer {
	return topology.Layer{Name: name, Says: state + ": " + says, Bad: state != Healthy}
}

// Alarms asks CloudWatch for the states of the environment's alarms, by name.
func Alarms(ctx context.Context, cfg aws.Config, environment string) (map[string]string, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	states := map[string]string{}
	pages := cloudwatch.NewDescribeAlarmsPaginator(account.CloudWatch(cfg), &cloudwatch.DescribeAlarmsInput{AlarmNamePrefix: aws.String("infra-" + environment + "-")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask CloudWatch for the alarms of %s: %w", environment, err)
		}
		for _, alarm := range page.MetricAlarms {
			states[aws.ToString(alarm.AlarmName)] = string(alarm.StateValue)
		}
	}
	return states, nil
}
