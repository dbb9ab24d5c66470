package rollout_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/rollout"
)

func TestTidy(t *testing.T) {
	project := t.TempDir()
	s := rollout.NewStore(project)
	if err := s.Tidy(time.Now()); err != nil {
		t.Errorf("there was none yet: %v", err)
	}
	now := time.Date(2026, 11, 29, 12, 0, 0, 0, time.UTC)
	began := func(age time.Duration, n int) string {
		id := now.Add(-age).Format("20060102T150405Z") + fmt.Sprintf("-%06x", n)
		if err := os.MkdirAll(s.Dir(id), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(s.Log(id, "acme"), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return id
	}
	const day = 24 * time.Hour
	held := began(200*day, 1)
	release, err := s.Take(held)
	if err != nil {
		t.Fatal(err)
	}
	defer release()
	old, many := began(91*day, 2), began(50*day, 3)
	for n := range 50 {
		began(time.Duration(n+2)*day/2, n) // one of them is a day old, the last 25
	}
	other := filepath.Join(project, ".infra", "fleet", "notes")
	if err := os.WriteFile(other, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	left := func() string {
		entries, err := os.ReadDir(filepath.Dir(other))
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, e := range entries {
			names = append(names, e.Name())
		}
		return strings.Join(names, " ")
	}
	if err := s.Tidy(now); err != nil {
		t.Fatal(err)
	}
	if got := left(); strings.Contains(got, old) || strings.Contains(got, many) || !strings.Contains(got, held) || !strings.Contains(got, "notes") || len(strings.Fields(got)) != 52 {
		t.Errorf("%d are left: %s", len(strings.Fields(got)), got)
	}

	// The newest stays, however old; of one day, all do.
	if err := s.Tidy(now.Add(300 * day)); err != nil || len(strings.Fields(left())) != 3 {
		t.Errorf("later: %v; %s", err, left())
	}
	for n := range 70 {
		began(-300*day, n)
	}
	if err := s.Tidy(now.Add(300 * day)); err != nil || len(strings.Fields(left())) != 72 {
		t.Errorf("on a busy day: %v; %d", err, len(strings.Fields(left())))
	}
}
