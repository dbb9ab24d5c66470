package provision

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"infra/internal/emr"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/state"
)

// Colours are the EMR clusters that there are meant to be, and what the state
// knows of them (nil: nothing). Every plan is made for them.
func (p *Platform) Colours(ctx context.Context) (emr.Colours, *emr.Output, error) {
	recorded, err := p.ColourRecords().Read(ctx)
	if err != nil {
		return emr.Colours{}, nil, err
	}
	s, err := p.State(ctx, platformProduct)
	switch {
	case errors.Is(err, state.ErrUnreadable): // whoever needs the state says what is wrong with it
		if recorded != nil {
			return *recorded, nil, nil
		}
		s = nil
	case errors.Is(err, state.ErrAbsent):
		s = nil
	case err != nil:
		return emr.Colours{}, nil, err
	}
	output, err := clusters(s)
	return emr.Meant(recorded, output), output, err
}

// takeColours has everything that Terraform is asked from here on be about the
// clusters that there are meant to be. It gives the colours that must not go.
func (p *Platform) takeColours(ctx context.Context) (inUse []string, err error) {
	colours, output, err := p.Colours(ctx)
	if err != nil {
		return nil, err
	}
	if colours.UnderWay() && p.colours.Move == nil && !strings.HasPrefix(p.holder.Verb, "emr ") { // whose own business it is
		p.con.Step("EMR moves from %s to %s (%s is next): infra emr status %s", colours.Move.From, colours.Move.To, colours.Move.Step, p.Env.Name())
	}
	if output != nil && p.colours.Active == "" && !strings.HasPrefix(p.holder.Verb, "emr ") {
		for _, difference := range emr.Behind(*output, p.ClusterNeeds()) {
			p.con.Step("EMR: %s stays as it is: %s; infra emr replace %s makes it so", output.Active, difference, p.Env.Name())
		}
	}
	p.colours = colours
	return emr.InUse(colours, output), nil
}

// ClusterNeeds are what the environment's file wants of a cluster and only a
// new one gets.
func (p *Platform) ClusterNeeds() emr.Needs {
	e := p.Env.Pipeline().EMR
	return emr.Needs{Release: e.Release, Applications: e.Applications, Primary: e.PrimaryInstanceType, Core: e.CoreInstanceType}
}

// ColourRecords is where the colours are written down.
func (p *Platform) ColourRecords() emr.Records {
	return emr.Records{Client: p.objects(), Bucket: p.bucket.Name, Account: p.Env.Account(), Environment: p.Env.Name()}
}

// clusters is the state's output about EMR, nil when it has none.
func clusters(s *state.State) (*emr.Output, error) {
	if s == nil {
		return nil, nil //nolint:nilnil // no state is no error
	}
	var output emr.Output
	found, err := s.Decode("emr", &output)
	if err != nil {
		return nil, fault.New(fault.Failed, "read which EMR cluster is in use", err, "")
	}
	if !found || output.Active == "" {
		return nil, nil //nolint:nilnil // there is none yet
	}
	return &output, nil
}

// guardClusters refuses plans that would make a cluster of a release that is no
// longer supported, and says what of the environment's file waits for the next
// replacement.
func (p *Platform) guardClusters(plans *Plans) error {
	makes := slices.ContainsFunc(plans.Changes(), func(c guard.Change) bool {
		return c.Type == "aws_emr_cluster" && (c.Action == guard.Create || c.Action == guard.Replace)
	})
	if !makes {
		return nil
	}
	wanted := p.Env.Pipeline().EMR
	warning, err := emr.Supported(wanted.Release, p.Env.File(), wanted.AllowUnsupported, time.Now())
	if warning != "" {
		p.Warn("%s", warning)
	}
	return err
}
