// Package preflight looks at an account before anything is made in it: whether
// it is the right one, whether the caller may work in it, whether there is room,
// whether networks overlap, whether what is needed is offered and can be
// reached. It only reads. All checks are made, whatever the others found; what
// could not be asked is said, and never counts as fine.
package preflight

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"

	"infra/internal/account"
	"infra/internal/cidr"
	"infra/internal/environment"
)

// Result is what a check came to.
type Result string

// The results.
const (
	Good    Result = "ok"
	Warning Result = "warning" // it may do; somebody should know
	Bad     Result = "bad"     // it would fail, or do harm
)

// Finding is one result of a check.
type Finding struct {
	Check  string `json:"check"`
	Result Result `json:"result"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // what to do about it
}

// These begin the detail of what could not be asked.
const (
	notKnown = "not known"
	notAsked = "not asked"
)

// Known tells whether the check could be made.
func (f Finding) Known() bool {
	return !strings.HasPrefix(f.Detail, notKnown) && !strings.HasPrefix(f.Detail, notAsked)
}

// Sources are what is looked at, and for what.
type Sources struct {
	Env   *environment.Environment
	AWS   aws.Config   // for the environment's account
	Taken []cidr.Taken // networks that the environment must not overlap, as files know them
	Reach []Place      // what else has to be reached, beside AWS
}

// limit bounds each check: an account that does not answer is a finding.
const limit = 2 * time.Minute

// sideBySide is how many checks are made at once: services count requests.
const sideBySide = 4

// Examine makes all checks: first whose account it is, then the others side by
// side. Of no account, or another one, there is nothing else to know. The order
// of the findings is always the same.
func Examine(ctx context.Context, s Sources) []Finding {
	all := s.account(ctx)
	checks := []func(context.Context) []Finding{
		s.externalID, s.permissions, s.network, s.networkQuotas, s.machineQuotas, s.volumeQuota, s.zones, s.release, s.endpoints,
	}
	if len(Refused(all)) > 0 {
		all = append(all, Finding{
			Check: "what is in it", Result: Warning, Detail: notAsked + ": external id, permissions, networks, quotas, zones, EMR release",
			Mend: "the account first, then infra install " + s.Env.Name(),
		})
		checks = []func(context.Context) []Finding{s.endpoints}
	}
	return append(all, Together(ctx, checks, sideBySide, limit)...)
}

// Together makes checks side by side, so many at once and each for so long at
// most. What they find stands in the order of the checks.
func Together[C ~func(context.Context) []F, F any](ctx context.Context, checks []C, atOnce int, limit time.Duration) []F {
	found := make([][]F, len(checks))
	var group errgroup.Group
	group.SetLimit(atOnce)
	for i, check := range checks {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, limit)
			defer cancel()
			found[i] = check(ctx)
			return nil
		})
	}
	_ = group.Wait() // what goes wrong is a finding
	return slices.Concat(found...)
}

// Refused are the findings that stand in the way.
func Refused(all []Finding) []Finding {
	var bad []Finding
	for _, f := range all {
		if f.Result == Bad {
			bad = append(bad, f)
		}
	}
	return bad
}

// account makes sure that the credentials are of the environment's account.
func (s Sources) account(ctx context.Context) []Finding {
	f := Finding{Check: "account"}
	caller, err := account.Caller(ctx, s.AWS, account.TargetOf(s.Env))
	switch {
	case err != nil:
		f.Result, f.Detail, f.Mend = Bad, gist(err), "export AWS_PROFILE=..., with credentials that may assume the role; infra doctor "+s.Env.Name()
	case caller.Account != s.Env.Account():
		f.Result, f.Detail = Bad, "the credentials are of account "+caller.Account+", the environment is in "+s.Env.Account()
		f.Mend = "export AWS_PROFILE=..., with credentials of account " + s.Env.Account()
	default:
		f.Result, f.Detail = Good, caller.Account+" as "+caller.ARN
	}
	return []Finding{f}
}

// externalID makes sure that the role cannot be assumed by who does not know
// the external id: a vendor's account works in many customers' accounts, and
// the id keeps one customer from naming another one's role to it.
func (s Sources) externalID(ctx context.Context) []Finding {
	f := Finding{Check: "external id"}
	target := account.TargetOf(s.Env)
	trust := "the role's trust policy in account " + s.Env.Account() + " needs the condition StringEquals sts:ExternalId"
	switch {
	case target.RoleARN == "":
		f.Result, f.Detail = Warning, "no role is assumed: these are the caller's own credentials"
		f.Mend = "set role.arn and role.external_id, where the account is a customer's"
		return []Finding{f}
	case target.ExternalID == "":
		f.Result, f.Detail, f.Mend = Warning, "the role is assumed without one", "set role.external_id; "+trust
		return []Finding{f}
	}
	target.ExternalID = ""
	cfg, err := account.Config(ctx, target)
	if err == nil {
		_, err = cfg.Credentials.Retrieve(ctx)
	}
	var api smithy.APIError
	switch {
	case err == nil:
		f.Result, f.Detail, f.Mend = Warning, "assuming the role without the external id is not refused", trust
	case errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied"):
		f.Result, f.Detail = Good, "without it the role is refused"
	default:
		f.Result, f.Detail, f.Mend = Warning, notKnown+" whether the role is refused without it: "+gist(err), trust
	}
	return []Finding{f}
}

// gist is the service's own words in an error of the SDK.
func gist(err error) string {
	var api smithy.APIError
	switch {
	case errors.As(err, &api) && api.ErrorMessage() != "":
		return api.ErrorCode() + ": " + api.ErrorMessage()
	case errors.As(err, &api):
		return api.ErrorCode()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer in time"
	}
	return err.Error()
}

// unknown is the finding for what could not be asked: a warning, unless the
// caller may not ask, which the check of permissions says.
func unknown(check string, err error) []Finding {
	return []Finding{{Check: check, Result: Warning, Detail: notKnown + ": " + gist(err), Mend: "look for yourself, or give the role what it was denied"}}
}
