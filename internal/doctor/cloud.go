package doctor

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"infra/internal/account"
	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/preflight"
	"infra/internal/state"
)

// cloud asks whose the credentials are, whether the role can be assumed, and of
// the right account, what preflight looks at before an installation, the state
// bucket and the bastion. Of no account, or another one, nothing else is asked.
func (s Subject) cloud(ctx context.Context) []Finding {
	env, target := s.Env, account.TargetOf(s.Env)
	own := target
	own.RoleARN, own.ExternalID = "", ""
	mine := Finding{Check: "AWS credentials"}
	caller, _, err := whoIs(ctx, own)
	if err != nil {
		mine.State, mine.Detail, mine.Mend = Fail, err.Error(), "aws sso login, or export AWS_PROFILE=NAME with credentials"
		if env.Emulated() {
			mine.Mend = s.sandboxUp()
		}
		return append([]Finding{mine}, s.notAsked())
	}
	mine.State, mine.Detail = OK, caller.ARN
	found := []Finding{mine}
	cfg, err := account.Config(ctx, target)
	if err == nil && target.RoleARN != "" {
		role := Finding{Check: "role", State: OK, Detail: target.RoleARN + " can be assumed"}
		if caller, cfg, err = whoIs(ctx, target); err != nil {
			role.State, role.Detail = Fail, target.RoleARN+" cannot be assumed: "+err.Error()
			role.Mend = "its trust policy has to name " + mine.Detail + " and the external id of " + env.File()
			return append(found, role, s.notAsked())
		}
		found = append(found, role)
	}
	right := Finding{Check: "AWS account", State: OK, Detail: caller.Account + ", " + env.Region()}
	if err == nil {
		err = guard.Account(
			guard.Target{Environment: env.Name(), Account: env.Account(), Region: env.Region(), Partition: env.Partition()},
			guard.Identity{Account: caller.Account, ARN: caller.ARN, Region: caller.Region})
	}
	if err != nil {
		right.State, right.Detail, right.Mend = Fail, err.Error(), "export AWS_PROFILE=NAME, with credentials of account "+env.Account()
		return append(found, right, s.notAsked())
	}
	found = append(append(found, right), s.preflight(ctx, cfg)...)
	return append(found, s.bucket(ctx), s.bastion(ctx))
}

func whoIs(ctx context.Context, target account.Target) (account.Identity, aws.Config, error) {
	cfg, err := account.Config(ctx, target)
	if err != nil {
		return account.Identity{}, cfg, err
	}
	caller, err := account.Caller(ctx, cfg, target)
	return caller, cfg, err
}

func (s Subject) notAsked() Finding {
	return Finding{Check: "what is in it", State: Unknown, Detail: "not asked: permissions, quotas, networks, zones, EMR release, state bucket, way to the hosts", Mend: "what is above, then infra doctor " + s.Env.Name()}
}

// preflight is what package preflight finds, but for whose account it is.
func (s Subject) preflight(ctx context.Context, cfg aws.Config) []Finding {
	var found []Finding
	for _, p := range preflight.Examine(ctx, preflight.Sources{Env: s.Env, AWS: cfg, Taken: s.Taken}) {
		if p.Check == "account" {
			continue
		}
		f := Finding{Check: p.Check, State: OK, Detail: p.Detail, Mend: p.Mend}
		switch {
		case !p.Known():
			f.State = Unknown
		case p.Result == preflight.Warning:
			f.State = Warn
		case p.Result == preflight.Bad:
			f.State = Fail
		}
		found = append(found, f)
	}
	return found
}

// bucket is made by the first apply, so that it is no failure that it is not
// there.
func (s Subject) bucket(ctx context.Context) Finding {
	f := Finding{Check: "state bucket", Mend: "infra bootstrap " + s.Env.Name()}
	b, err := s.states(ctx)
	if err != nil {
		f.State, f.Detail = Unknown, err.Error()
		return f
	}
	exists, err := b.Exists(ctx)
	switch {
	case err != nil:
		f.State, f.Detail, f.Mend = Unknown, err.Error(), fault.HintOf(err)
	case !exists:
		f.State, f.Detail = Warn, s.Env.StateBucket()+" does not exist yet; the first apply makes it"
	default:
		f.State, f.Detail, f.Mend = OK, s.Env.StateBucket(), ""
	}
	return f
}

func (s Subject) states(ctx context.Context) (*state.Bucket, error) {
	cfg, err := account.Config(ctx, account.TargetOf(s.Env))
	if err != nil {
		return nil, err
	}
	return state.NewBucket(cfg, s.Env.StateBucket(), s.Env.Account(), s.Env.Emulated(), nil), nil
}

// AWS refuses a signature that is more than 5 minutes off.
const (
	clockNotable = 30 * time.Second
	clockRefused = 4*time.Minute + 30*time.Second
)

// clockBeside compares this machine's clock with that of AWS.
func (s Subject) clockBeside(ctx context.Context) Finding {
	url := s.Env.Endpoint()
	if url == "" {
		suffix := ".amazonaws.com"
		if s.Env.Partition() == "aws-cn" {
			suffix += ".cn"
		}
		url = "https://sts." + s.Env.Region() + suffix
	}
	f := Finding{Check: "clock beside AWS"}
	off, err := offset(ctx, url)
	if err != nil {
		f.State, f.Detail, f.Mend = Unknown, err.Error(), "timedatectl"
		return f
	}
	f.State, f.Detail = OK, fmt.Sprintf("%.0f s apart", off.Abs().Seconds())
	switch {
	case off.Abs() > clockRefused:
		f.State, f.Mend = Fail, setClock
		f.Detail += "; AWS refuses requests that are 5 minutes off"
	case off.Abs() > clockNotable:
		f.State, f.Mend = Warn, setClock
	}
	return f
}

// offset is how far the clock of who answers is ahead of this one: any answer
// carries its time.
func offset(ctx context.Context, url string) (time.Duration, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodHead, url, http.NoBody)
	if err != nil {
		return 0, err
	}
	began := time.Now()
	answer, err := (&http.Client{Timeout: 20 * time.Second}).Do(request)
	if err != nil {
		return 0, fmt.Errorf("no answer: %s", strings.TrimPrefix(err.Error(), `Head "`+url+`": `))
	}
	if err := answer.Body.Close(); err != nil {
		return 0, err
	}
	there, err := http.ParseTime(answer.Header.Get("Date"))
	if err != nil {
		return 0, fmt.Errorf("%s does not say what time it is", url)
	}
	took := time.Since(began)
	return there.Sub(began.Add(took / 2)).Round(time.Second), nil
}
