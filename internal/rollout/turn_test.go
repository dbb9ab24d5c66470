package rollout

import (
	"context"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/fleet"
)

// A Ctrl-C before the ledger was read leaves an environment interrupted, to be
// taken up again, and not failed.
func TestATurnIsInterrupted(t *testing.T) {
	project := t.TempDir()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	outcome, err := Infra{Executable: "/nonexistent", Project: project}.Turn(ctx, Task{Environment: "acme"}, project)
	if err != nil || outcome.Exit != fault.Interrupted {
		t.Errorf("%+v, %v", outcome, err)
	}
}

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
