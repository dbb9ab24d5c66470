package rollout

import (
	"strings"
	"testing"

	"infra/internal/fleet"
)

func TestExactlyWhatWasApprovedIsApplied(t *testing.T) {
	r := &fleet.Rollout{
		ID: "r", Arguments: []string{"--parallelism", "10", "--product", "baseline", "--allow-destroy", "aws_ebs_volume.data"},
		Environments: []fleet.Environment{{Name: "acme", Plan: "s3://bucket/acme"}, {Name: "bolt"}},
	}
	for name, want := range map[string]string{
		"acme": "--plan s3://bucket/acme --parallelism 10",
		"bolt": "--parallelism 10 --product baseline --allow-destroy aws_ebs_volume.data",
	} {
		if got := strings.Join(TaskOf(r, name).what(), " "); got != want {
			t.Errorf("%s: %s", name, got)
		}
	}
}
