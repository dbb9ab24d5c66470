// Package survey gathers from AWS the facts that an audit judges: who can reach
// and do what, and what is kept how. It only reads, and reads configuration
// alone: no object, no log, no secret.
//
// AWS says what is really there, by-hand rules and inline policies included, and
// the states say what of it is whose. What belongs to another environment of the
// account, by its tag or its name, is left out; what nobody says to be theirs
// counts, because whoever can do something in the account can do it to this
// environment.
package survey

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"infra/internal/audit"
)

// Scope is what is looked at.
type Scope struct {
	Environment string
	Others      []string // the project's other environments
	VPC         string   // empty: there is none yet
	PathStyle   bool     // S3 is addressed by path
	Managed     map[string]audit.Managed
}

// atOnce is how many questions about single things are asked side by side. AWS
// throttles whoever asks much faster.
const atOnce = 6

type surveyor struct {
	Scope
	aws   aws.Config
	facts *audit.Facts
	mutex sync.Mutex // of facts.Shared, which two parts add to
}

// Take fills in what AWS says. A part that AWS does not tell is noted in
// Unasked; only an end of the context is an error.
func Take(ctx context.Context, config aws.Config, scope Scope, facts *audit.Facts) error {
	s := &surveyor{Scope: scope, aws: config, facts: facts}
	parts := []struct {
		name audit.Part
		ask  func(context.Context) error
	}{
		{audit.Network, s.network},
		{audit.Identity, s.identity},
		{audit.Buckets, s.buckets},
		{audit.Volumes, s.volumes},
		{audit.Databases, s.databases},
		{audit.Clusters, s.clusters},
		{audit.Messages, s.messages},
		{audit.Keys, s.keys},
		{audit.Logs, s.logs},
		{audit.Trails, s.trails},
		{audit.Alarms, s.alarms},
	}
	failures := make([]error, len(parts))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, part := range parts {
		group.Go(func() error {
			failures[i] = part.ask(ctx)
			return nil
		})
	}
	_ = group.Wait()
	if err := ctx.Err(); err != nil {
		return err
	}
	for i, err := range failures {
		if err != nil {
			facts.Unasked = append(facts.Unasked, audit.Unasked{Part: parts[i].name, Why: plain(err)})
		}
	}
	return nil
}

// plain is an error of the SDK without its requests and addresses.
func plain(err error) string {
	var operation *smithy.OperationError
	var answer smithy.APIError
	if errors.As(err, &operation) && errors.As(err, &answer) {
		return operation.Service() + " " + operation.Operation() + ": " + answer.ErrorCode() + ": " + answer.ErrorMessage()
	}
	return err.Error()
}

// isError tells whether AWS has answered with one of these errors, which here
// mean that there is none of what was asked for.
func isError(err error, codes ...string) bool {
	var answer smithy.APIError
	return errors.As(err, &answer) && slices.Contains(codes, answer.ErrorCode())
}

// concerns tells whether a thing is this environment's, or nobody's.
func (s *surveyor) concerns(thing audit.Thing, tags map[string]string) bool {
	if s.Managed[thing.Key()].Address != "" {
		return true
	}
	if owner := tags["environment"]; owner != "" {
		return owner == s.Environment
	}
	owner := s.named(thing.ID)
	return owner == "" || owner == s.Environment
}

// own tells whether a thing was made for this environment.
func (s *surveyor) own(thing audit.Thing, tags map[string]string) bool {
	return s.Managed[thing.Key()].Address != "" || tags["environment"] == s.Environment || tags["environment"] == "" && s.named(thing.ID) == s.Environment
}

// named is the environment that a name begins with, as Terraform makes names:
// infra-ENV-. Of prod and prod-eu the longer one counts.
func (s *surveyor) named(name string) string {
	if i := strings.LastIndex(name, ":"); i >= 0 {
		name = name[i+1:]
	}
	longest := ""
	for _, environment := range append([]string{s.Environment}, s.Others...) {
		for _, start := range []string{"infra-" + environment + "-", "/infra/" + environment + "/", "/aws/rds/instance/infra-" + environment + "-", "infra-backup-" + environment + "-", "infra-logs-" + environment + "-"} {
			if len(environment) > len(longest) && (strings.HasPrefix(name+"-", start) || strings.HasPrefix(name, start)) {
				longest = environment
			}
		}
	}
	return longest
}

// side asks about many things, several at a time.
func side[T any](ctx context.Context, all []T, ask func(context.Context, *T) error) error {
	group, asking := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i := range all {
		group.Go(func() error { return ask(asking, &all[i]) })
	}
	return group.Wait()
}

// tagsOf turns the SDK's tags of any service into a map.
func tagsOf[T any](tags []T, pair func(T) (*string, *string)) map[string]string {
	out := map[string]string{}
	for _, t := range tags {
		key, value := pair(t)
		out[aws.ToString(key)] = aws.ToString(value)
	}
	return out
}
