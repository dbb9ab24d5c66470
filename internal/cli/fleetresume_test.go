package cli

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"infra/internal/fault"
	"infra/internal/fleet"
	"infra/internal/rollout"
)

// A paused roll-out that somebody works on goes on as it was begun, or not at
// all: flags that would change it are refused, never dropped.
func TestResumeOfALivingRollout(t *testing.T) {
	for flags, changed := range map[string]bool{"": false, "--max-failures 5": true, "--windows ignore": true, "--retry-failed": true} {
		project := t.TempDir()
		for _, folder := range []string{"environments", "terraform"} {
			if err := os.Mkdir(filepath.Join(project, folder), 0o700); err != nil {
				t.Fatal(err)
			}
		}
		store, r := rollout.NewStore(project), &fleet.Rollout{ID: "20261122T083015Z-1f2e3d"}
		release, err := store.Take(r.ID)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(release)
		if err := store.Save(r); err != nil {
			t.Fatal(err)
		}
		if err := store.Pause(r.ID, true); err != nil {
			t.Fatal(err)
		}
		g := quiet()
		g.dir = project
		cmd := newFleetResumeCommand(g)
		cmd.SilenceUsage, cmd.SilenceErrors = true, true
		cmd.SetArgs(strings.Fields(flags))
		err = cmd.ExecuteContext(t.Context())
		if refused := fault.CodeOf(err) == fault.Refused && strings.Contains(err.Error(), "it has not ended"); refused != changed || !changed && err != nil {
			t.Errorf("%q: %v", flags, err)
		}
		if store.Paused(r.ID) != changed {
			t.Errorf("%q: paused is %v", flags, !changed)
		}
	}
}
