package temporal

import (
	"errors"
	"strings"
	"testing"

	sdk "go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"

	"infra/internal/rollout"
)

// A worker whose checkout is at another commit begins nothing, and its refusal
// is one that Temporal gives to another worker.
func TestAnotherCommitIsRefused(t *testing.T) {
	project := t.TempDir()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	turns := turns{infra: rollout.Infra{Executable: "/nonexistent", Project: project}, store: rollout.NewStore(project)}
	env.RegisterActivity(turns.Apply)
	_, err := env.ExecuteActivity(turns.Apply, rollout.Task{Rollout: "20261128T120000Z-000000", Environment: "acme", Commit: "0123456789abcdef"})
	var refused *sdk.ApplicationError
	if !errors.As(err, &refused) || refused.Type() != "commit" || refused.NonRetryable() {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{"it is at commit none, the roll-out at 0123456789ab", "next: git checkout 0123456789abcdef"} {
		if !strings.Contains(refused.Message(), want) {
			t.Errorf("%q does not say %q", refused.Message(), want)
		}
	}
}
