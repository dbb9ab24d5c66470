package temporal

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"infra/internal/fleet"
	"infra/internal/rollout"
)

const ledgerEnvironment = `account: "%s"
region: eu-west-1
emulated: true
endpoint: %s
products: {pipeline: {vpc: {cidr: 10.1.0.0/16, bastion_allowed_cidrs: [192.0.2.0/24]}}}
`

// The accounts of the environments: S3 refuses the second, the others have no
// bucket yet.
func accounts() map[string]string {
	return map[string]string{"acme": "111111111111", "denied": "222222222222", "zeta": "333333333333"}
}

// withoutLedger is a project of three environments, in one of which the ledger
// cannot be read, with an infra that applies at once.
func withoutLedger(t *testing.T) (rollout.Infra, rollout.Store) {
	t.Helper()
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	s3 := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		status, code := http.StatusNotFound, "NoSuchBucket"
		if strings.Contains(r.URL.Path, accounts()["denied"]) {
			status, code = http.StatusForbidden, "AccessDenied"
		}
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code></Error>", code)
	}))
	t.Cleanup(s3.Close)
	project := t.TempDir()
	files := map[string]string{"infra": "#!/bin/sh\necho '{\"run\": \"r\"}'\n"}
	for name, account := range accounts() {
		files["environments/"+name+".yaml"] = fmt.Sprintf(ledgerEnvironment, account, s3.URL)
	}
	for name, text := range files {
		path := filepath.Join(project, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return rollout.Infra{Executable: filepath.Join(project, "infra"), Project: project}, rollout.NewStore(project)
}

// ends tells how the environments of a roll-out have ended.
func ends(r *fleet.Rollout) string {
	var words []string
	for _, e := range r.Environments {
		words = append(words, fmt.Sprintf("%s: %s %d", e.Name, e.State, e.Exit))
	}
	return strings.Join(words, ", ")
}

// An environment whose ledger cannot be read fails, counts, and lets the next
// wave begin: on one machine and on Temporal, to the same end.
func TestAnUnreadableLedgerFailsAsOnOneMachine(t *testing.T) {
	infra, store := withoutLedger(t)
	here := arranged(t, fleet.Policy{MaxFailures: 1}, "acme", "denied", "zeta")
	there := arranged(t, fleet.Policy{MaxFailures: 1}, "acme", "denied", "zeta")
	quiet := func(fleet.Environment) {}
	if err := os.MkdirAll(store.Dir(here.ID), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := store.Carry(t.Context(), infra, &here, rollout.Watcher{Began: quiet, Ended: quiet, Tick: func() {}}); err != nil {
		t.Fatal(err)
	}

	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterWorkflowWithOptions(Rollout, workflow.RegisterOptions{Name: workflowName})
	begun := 0
	turns := turns{infra: infra, store: store}
	env.RegisterActivityWithOptions(turns.Apply, activity.RegisterOptions{Name: activityName})
	env.SetOnActivityStartedListener(func(i *activity.Info, _ context.Context, _ converter.EncodedValues) {
		if i.ActivityID == "denied" {
			begun++
		}
	})
	env.ExecuteWorkflow(workflowName, there)
	if err := env.GetWorkflowError(); err != nil {
		t.Fatal(err)
	}
	if err := env.GetWorkflowResult(&there); err != nil {
		t.Fatal(err)
	}
	for place, r := range map[string]fleet.Rollout{"one machine": here, "Temporal": there} {
		if got := ends(&r); got != "acme: done 0, denied: failed 3, zeta: done 0" || !strings.Contains(r.Environments[1].Error, "AccessDenied") {
			t.Errorf("on %s: %s; %s", place, got, r.Environments[1].Error)
		}
	}
	if begun != tries {
		t.Errorf("it was begun %d times, want %d", begun, tries)
	}
}
