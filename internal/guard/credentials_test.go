package guard_test

import (
	"testing"
	"time"

	"infra/internal/guard"
)

func TestRow25Credentials(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	in := func(d time.Duration) guard.CredentialFacts { return guard.CredentialFacts{Expires: now.Add(d)} }
	renewed := func(f guard.CredentialFacts) guard.CredentialFacts { f.Refreshable = true; return f }
	old := guard.CredentialFacts{KeyCreated: now.Add(-100 * 24 * time.Hour)}
	for _, c := range []struct {
		name      string
		facts     guard.CredentialFacts
		protected bool
		says      []string
		hint      string
		warns     string
	}{
		{name: "nothing known"},
		{name: "nothing known, protected", protected: true},
		{name: "they last", facts: in(2 * time.Hour)},
		{name: "they just last", facts: in(time.Hour)},
		{name: "they end in the middle", facts: in(20 * time.Minute), says: []string{"end in 20 min and the run may take 1 h 0 min", "nothing renews them"}, hint: "aws sso login"},
		{name: "they end in the middle, protected", facts: in(90 * time.Second), protected: true, says: []string{"end in 90 s"}, hint: "role.arn"},
		{name: "they have ended", facts: in(-3 * time.Hour), says: []string{"they ended 3 h 0 min ago"}, hint: "aws sso login"},
		{name: "they renew themselves", facts: renewed(in(time.Minute)), protected: true},
		{name: "they have ended and renew themselves", facts: renewed(in(-time.Minute))},
		{name: "an old key", facts: old, warns: "the access key is 100 days old, more than 90 days"},
		{name: "an old key, protected", facts: old, protected: true, says: []string{"100 days old"}, hint: "aws iam create-access-key"},
		{name: "a key in its time", facts: guard.CredentialFacts{KeyCreated: now.Add(-89 * 24 * time.Hour)}, protected: true},
		{name: "a key from the future", facts: guard.CredentialFacts{KeyCreated: now.Add(time.Hour)}, protected: true},
		{name: "the root user", facts: guard.CredentialFacts{Root: true}, warns: "root user"},
		{name: "the root user, protected", facts: guard.CredentialFacts{Root: true}, protected: true, says: []string{"root user"}, hint: "take a role's credentials"},
		{
			name: "the root user with an old key", facts: guard.CredentialFacts{Root: true, KeyCreated: old.KeyCreated}, protected: true,
			says: []string{"root user", "100 days old"}, hint: "take a role's credentials",
		},
	} {
		t.Run("row 25: "+c.name, func(t *testing.T) {
			warning, err := guard.Credentials(c.facts, "prod", now, time.Hour, c.protected)
			check(t, err, c.says, c.hint)
			warns(t, warning, c.warns)
		})
	}
	if _, err := guard.Credentials(in(0), "prod", now, 0, false); err == nil {
		t.Error("credentials that end now let a run begin that needs no time")
	}
}

func TestIsRoot(t *testing.T) {
	for arn, want := range map[string]bool{
		"arn:aws:iam::111111111111:root":                      true,
		"arn:aws-cn:iam::111111111111:root":                   true,
		"arn:aws:iam::111111111111:user/root":                 false,
		"arn:aws:sts::111111111111:assumed-role/root/session": false,
		"": false,
	} {
		if got := guard.IsRoot(arn); got != want {
			t.Errorf("IsRoot(%q) = %v", arn, got)
		}
	}
}
