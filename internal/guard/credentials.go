package guard

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/fault"
)

// CredentialFacts is what is known about the credentials at hand.
type CredentialFacts struct {
	Expires     time.Time // when they end; zero when they do not, or nobody knows
	Refreshable bool      // whoever holds them gets new ones without a person (a role, a profile, SSO with a live session)
	KeyCreated  time.Time // of a user's access key; zero for a role's credentials, or when it may not be read
	Root        bool      // they are the account's root user
}

// keyAge is how old a user's access key may be: what CIS 1.14 asks for.
const keyAge = 90 * 24 * time.Hour

// Credentials judges whether the credentials will do for a run that needs
// them for as long as need. The root user and access keys older than 90 days
// are refused in a protected environment and warned about elsewhere;
// credentials that end too early are refused everywhere, unless they renew
// themselves. warning is a sentence for people, empty when all is well.
func Credentials(f CredentialFacts, environment string, now time.Time, need time.Duration, protected bool) (warning string, err error) {
	op := "check the credentials for " + environment
	if left := f.Expires.Sub(now); !f.Expires.IsZero() && !f.Refreshable && left < max(need, time.Second) {
		text := fmt.Sprintf("they end in %s and the run may take %s", span(left), span(need))
		if left <= 0 {
			text = fmt.Sprintf("they ended %s ago", span(-left))
		}
		return "", fault.New(fault.Refused, op, errors.New(text+", and nothing renews them"),
			"take new ones (aws sso login, or assume the role again), or name the role in the environment's file: role.arn")
	}
	var weak []string
	hint := "take a role's credentials: export AWS_PROFILE=..., or aws sso login"
	if f.Root {
		weak = append(weak, "they are the account's root user, whom no policy and no boundary holds")
	}
	if age := now.Sub(f.KeyCreated); !f.KeyCreated.IsZero() && age > keyAge {
		weak = append(weak, fmt.Sprintf("the access key is %s old, more than %s", span(age), span(keyAge)))
		if !f.Root {
			hint = "aws iam create-access-key, then delete the old one; better: " + hint
		}
	}
	if len(weak) == 0 {
		return "", nil
	}
	text := strings.Join(weak, "; ")
	if protected {
		return "", fault.New(fault.Refused, op, errors.New(text), hint)
	}
	return "the credentials are weak: " + text, nil
}

// IsRoot tells whether an ARN that STS answered is an account's root user.
func IsRoot(arn string) bool {
	parts := strings.Split(arn, ":")
	return len(parts) == 6 && parts[0] == "arn" && parts[2] == "iam" && parts[5] == "root"
}

// span is a duration in one or two units, as people say it.
func span(d time.Duration) string {
	const day = 24 * time.Hour
	switch {
	case d >= 2*day:
		return fmt.Sprintf("%d days", d/day)
	case d >= time.Hour:
		return fmt.Sprintf("%d h %d min", d/time.Hour, d%time.Hour/time.Minute)
	case d >= 2*time.Minute:
		return fmt.Sprintf("%d min", d/time.Minute)
	default:
		return fmt.Sprintf("%d s", d/time.Second)
	}
}
