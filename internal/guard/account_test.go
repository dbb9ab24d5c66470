package guard_test

import (
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/guard"
)

func TestAccount(t *testing.T) {
	want := guard.Target{Environment: "prod", File: "environments/eu/prod.yaml", Account: "111111111111", Region: "eu-west-1", Partition: "aws"}
	const arn = "arn:aws:sts::111111111111:assumed-role/infra-apply/me"
	for name, c := range map[string]struct {
		got  guard.Identity
		says []string // empty: let through
		hint string
	}{
		"right":                {got: guard.Identity{Account: "111111111111", ARN: arn, Region: "eu-west-1"}},
		"no region configured": {got: guard.Identity{Account: "111111111111", ARN: arn}},
		"partition given":      {got: guard.Identity{Account: "111111111111", Partition: "aws"}},
		"account": {
			got:  guard.Identity{Account: "222222222222", ARN: "arn:aws:iam::222222222222:user/me"},
			says: []string{"the credentials are of account 222222222222, the environment is in 111111111111", "the caller is arn:aws:iam::222222222222:user/me"},
			hint: "take credentials of account 111111111111",
		},
		"region": {
			got:  guard.Identity{Account: "111111111111", ARN: arn, Region: "us-east-1"},
			says: []string{"the configuration at hand names region us-east-1, the environment is in eu-west-1"},
			hint: "export AWS_REGION=eu-west-1, or leave it unset: infra takes it from environments/eu/prod.yaml",
		},
		"partition": {
			got:  guard.Identity{Account: "111111111111", ARN: "arn:aws-cn:sts::111111111111:assumed-role/x/y"},
			says: []string{"partition aws-cn, the environment is in aws"},
			hint: "take credentials",
		},
		"everything": {
			got:  guard.Identity{Account: "2", ARN: "arn:aws-cn:iam::2:root", Region: "cn-north-1"},
			says: []string{"account 2", "partition aws-cn", "region cn-north-1"},
			hint: "take credentials",
		},
		"unknown":  {got: guard.Identity{}, says: []string{"account (unknown)", "partition (unknown)"}, hint: "take credentials"},
		"no ARN":   {got: guard.Identity{Account: "111111111111", ARN: "nonsense"}, says: []string{"partition (unknown)"}, hint: "take"},
		"controls": {got: guard.Identity{Account: "1\x1b[2J", ARN: arn}, says: []string{`account 1\u001b[2J`}, hint: "take"},
	} {
		t.Run(name, func(t *testing.T) {
			check(t, guard.Account(want, c.got), c.says, c.hint)
		})
	}
}

// check wants nil for no words, and else a refusal with all of them and hint.
func check(t *testing.T, err error, says []string, hint string) {
	t.Helper()
	if len(says) == 0 {
		if err != nil {
			t.Errorf("refused: %v", err)
		}
		return
	}
	if fault.CodeOf(err) != fault.Refused {
		t.Fatalf("code %d: %v", fault.CodeOf(err), err)
	}
	for _, w := range says {
		if !strings.Contains(err.Error(), w) {
			t.Errorf("error %q lacks %q", err, w)
		}
	}
	if !strings.Contains(fault.HintOf(err), hint) {
		t.Errorf("hint %q lacks %q", fault.HintOf(err), hint)
	}
}
