package guard

import (
	"fmt"
	"strings"
	"unicode"

	"infra/internal/fault"
)

// Target is where an environment says it lives.
type Target struct {
	Environment string // its name, for messages
	File        string // its file, for hints
	Account     string // 12 digits
	Region      string
	Partition   string
}

// Identity is who the credentials at hand belong to, as STS answers.
type Identity struct {
	Account   string // 12 digits
	ARN       string // arn:partition:sts::account:assumed-role/...
	Region    string // that the caller's configuration would use; empty when it names none
	Partition string // taken from ARN when empty
}

// Account refuses credentials that do not belong to the environment: another
// account, another partition, or a configuration that names another region.
// All that differs is said at once.
func Account(want Target, got Identity) error {
	var wrong []string
	if got.Account != want.Account {
		wrong = append(wrong, fmt.Sprintf("the credentials are of account %s, the environment is in %s", shown(got.Account), want.Account))
	}
	if p := partitionOf(got); p != want.Partition {
		wrong = append(wrong, fmt.Sprintf("the credentials are of partition %s, the environment is in %s", shown(p), want.Partition))
	}
	if got.Region != "" && got.Region != want.Region {
		wrong = append(wrong, fmt.Sprintf("the configuration at hand names region %s, the environment is in %s", shown(got.Region), want.Region))
	}
	if len(wrong) == 0 {
		return nil
	}
	if got.ARN != "" {
		wrong = append(wrong, "the caller is "+shown(got.ARN))
	}
	return fault.New(fault.Refused, "check the account of "+want.Environment,
		fmt.Errorf("%s", strings.Join(wrong, "; ")), hint(want, got))
}

func hint(want Target, got Identity) string {
	if got.Account == want.Account && partitionOf(got) == want.Partition {
		return fmt.Sprintf("export AWS_REGION=%s, or leave it unset: infra takes it from %s", want.Region, want.File)
	}
	return fmt.Sprintf("take credentials of account %s (export AWS_PROFILE=...), then `aws sts get-caller-identity` to see them", want.Account)
}

// partitionOf is the partition of an identity; empty when nothing tells it.
func partitionOf(got Identity) string {
	if got.Partition != "" {
		return got.Partition
	}
	if parts := strings.SplitN(got.ARN, ":", 3); len(parts) == 3 && parts[0] == "arn" {
		return parts[1]
	}
	return ""
}

// shown makes what came from outside safe to print: what does not print is
// escaped.
func shown(text string) string {
	if text == "" {
		return "(unknown)"
	}
	var out strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			out.WriteRune(r)
		} else {
			fmt.Fprintf(&out, "\\u%04x", r)
		}
	}
	return out.String()
}
