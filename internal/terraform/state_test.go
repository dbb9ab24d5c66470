package terraform

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"infra/internal/fault"
	"infra/internal/guard"
)

// addresses are the names of what the local state holds.
func addresses(t *testing.T, w *Workspace) []string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(w.Logs, "state"))
	if err != nil {
		t.Fatal(err)
	}
	var state struct {
		Resources []struct {
			Name string `json:"name"`
		} `json:"resources"`
	}
	if err := json.Unmarshal(data, &state); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range state.Resources {
		names = append(names, r.Name)
	}
	return names
}

func TestMoveRemoveImportRefresh(t *testing.T) {
	w := workspace(t, `{"size": 3}`)
	w.LockTimeout = 2 * time.Second
	p := plan(t, w)
	if _, err := w.Apply(t.Context(), p.File); err != nil {
		t.Fatal(err)
	}
	if err := w.Move(t.Context(), "terraform_data.first", "terraform_data.other"); err != nil {
		t.Fatal(err)
	}
	if got := addresses(t, w); !slices.Equal(got, []string{"other", "second"}) {
		t.Errorf("after the move: %v", got)
	}
	if err := w.Remove(t.Context(), []string{"terraform_data.other", "terraform_data.second"}); err != nil {
		t.Fatal(err)
	}
	if got := addresses(t, w); len(got) != 0 {
		t.Errorf("after the removal: %v", got)
	}
	if err := w.Import(t.Context(), "terraform_data.first", "an-id"); err != nil {
		t.Fatal(err)
	}
	if got := addresses(t, w); !slices.Equal(got, []string{"first"}) {
		t.Errorf("after the import: %v", got)
	}
	if err := w.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got := addresses(t, w); !slices.Equal(got, []string{"first"}) {
		t.Errorf("after the refresh: %v", got)
	}
	err := w.Remove(t.Context(), []string{"terraform_data.none"})
	if fault.CodeOf(err) != fault.Failed || !strings.HasPrefix(err.Error(), "terraform rm of test/e: Invalid target address") {
		t.Errorf("what is not there: %v", err)
	}
	left, err := os.ReadDir(w.Root)
	if err != nil || len(left) != 1 {
		t.Errorf("the folder of the code holds %v, %v", left, err)
	}
}

// The lock of a state that somebody holds is waited for as long as asked, and
// then its holder is named.
func TestRow21TwoAppliesOfOneState(t *testing.T) {
	s := newSlow(t)
	second, err := s.w.Plan(t.Context(), PlanOptions{Out: filepath.Join(s.w.Logs, "second")})
	if err != nil {
		t.Fatal(err)
	}
	first := make(chan error)
	go func() {
		_, err := s.w.Apply(t.Context(), s.plan.File)
		first <- err
	}()
	s.begun(t)
	other := *s.w
	other.Logs = t.TempDir()
	_, err = other.Apply(t.Context(), second.File)
	if fault.CodeOf(err) != fault.Locked || !strings.Contains(err.Error(), "lock ID ") {
		t.Errorf("code %d: %v", fault.CodeOf(err), err)
	}
	s.letGo(t)
	if err := <-first; err != nil {
		t.Error(err)
	}
	// The second plan is of a state that is no more: refused by Terraform.
	if _, err = other.Apply(t.Context(), second.File); fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "stale") {
		t.Errorf("a stale plan: %v", err)
	}
}

func TestTheRunIsInTheEnvironment(t *testing.T) {
	w := workspace(t, `{}`)
	w.Run = "20261122T083015Z-1f2e3d"
	env, err := w.childEnvironment(t.Context(), filepath.Join(w.Logs, "log"))
	if err != nil || env["TF_AWS_DEFAULT_TAGS_infra-run"] != w.Run {
		t.Errorf("the environment is %v, %v", env, err)
	}
	w.Run = ""
	if env, err = w.childEnvironment(t.Context(), ""); err != nil || env["TF_AWS_DEFAULT_TAGS_infra-run"] != "" {
		t.Errorf("without a run: %v, %v", env, err)
	}
}

// Terraform's word for what leaves the state and stays in the account is not
// the guard's.
func TestForgottenResources(t *testing.T) {
	d := &decoder{progress: func(Progress) {}}
	text := `{"type":"planned_change","change":{"resource":{"addr":"aws_vpc.this","resource_type":"aws_vpc"},"action":"remove"}}` + "\n" +
		`{"type":"change_summary","changes":{"add":0,"change":0,"remove":0,"operation":"plan"}}` + "\n"
	if _, err := d.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := d.complete(); err != nil || d.changes[0].Action != guard.Forget {
		t.Errorf("got %+v, %v", d.changes, err)
	}
}
