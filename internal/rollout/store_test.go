package rollout_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/rollout"
)

const (
	older = "20261122T083015Z-1f2e3d"
	newer = "20261123T083015Z-000000"
)

func TestStore(t *testing.T) {
	project := t.TempDir()
	s := rollout.NewStore(project)
	if _, err := s.Load(""); fault.CodeOf(err) != fault.Usage || !strings.Contains(err.Error(), "no roll-out") {
		t.Errorf("an empty store: %v", err)
	}
	for _, id := range []string{newer, older} {
		r := &fleet.Rollout{ID: id, Environments: []fleet.Environment{{Name: "acme", State: fleet.Waiting}}}
		if err := s.Save(r); err != nil {
			t.Fatal(err)
		}
	}
	// Logs of a worker are no roll-out of this checkout, and a record that was
	// being written when the power went is none either.
	for _, name := range []string{"20261124T083015Z-000000/acme.log", newer + "/rollout.json.new"} {
		path := filepath.Join(project, ".infra", "fleet", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte("{"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if r, err := s.Load(""); err != nil || r.ID != newer || r.Environments[0].Name != "acme" {
		t.Errorf("the newest: %+v, %v", r, err)
	}
	if r, err := s.Load(older); err != nil || r.ID != older {
		t.Errorf("one by its id: %+v, %v", r, err)
	}
	if _, err := s.Load("../../etc"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("no id: %v", err)
	}
}

func TestPauseAndTake(t *testing.T) {
	s := rollout.NewStore(t.TempDir())
	if err := s.Save(&fleet.Rollout{ID: older}); err != nil {
		t.Fatal(err)
	}
	for _, paused := range []bool{true, true, false, false} {
		if err := s.Pause(older, paused); err != nil || s.Paused(older) != paused {
			t.Errorf("paused %v: %v, %v", paused, s.Paused(older), err)
		}
	}
	release, err := s.Take(older)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Take(older); fault.CodeOf(err) != fault.Locked {
		t.Errorf("taken twice: %v", err)
	}
	release()
	if release, err = s.Take(older); err != nil {
		t.Fatalf("after it was given back: %v", err)
	}
	release()
}
