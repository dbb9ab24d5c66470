package postgresql

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"infra/internal/inventory"
)

// What pgBackRest 2.45 wrote after the first full backup of a new cluster.
func TestParseBackups(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(filepath.Join("testdata", "backups-full.json"))
	if err != nil {
		t.Fatal(err)
	}
	b, err := parseBackups(text)
	if err != nil {
		t.Fatal(err)
	}
	last, ok := b.Last()
	if b.Code != 0 || b.Running != nil || len(b.Backups) != 1 || !ok {
		t.Fatalf("%+v", b)
	}
	if last.Label != "20261122-161536F" || last.Type != FullBackup || last.Took() != 20*time.Second || last.DatabaseBytes != 31026033 ||
		last.RepositoryBytes != 3809344 || last.LastWAL != "00000001000000000000000D" || last.Bad || last.Needs == nil {
		t.Errorf("%+v", last)
	}
	if b.Archive.First != "00000001000000000000000A" || b.Archive.Last != "00000001000000000000000D" {
		t.Errorf("%+v", b.Archive)
	}
}

func TestParseBackupsRefuses(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "[]", "{", `"x"`} {
		if _, err := parseBackups([]byte(text)); err == nil {
			t.Errorf("%q is no error", text)
		}
	}
}

func TestParseBackupsRunning(t *testing.T) {
	t.Parallel()
	b, err := parseBackups([]byte(`[{"name":"main","status":{"code":2,"message":"no valid backups","lock":{"backup":{"held":true,"pct-cplt":4550}}}}]`))
	if err != nil || b.Running == nil || b.Running.Percent != 45.5 || b.Backups == nil {
		t.Errorf("%+v, %v", b, err)
	}
}

func TestArchiveObserve(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		answer  string
		failing bool
		known   bool
	}{
		"a standby":           {`{"in_recovery":true,"failures":9,"last":null,"last_failure":5}`, false, false},
		"never yet":           {`{"in_recovery":false,"failures":0,"last":null,"last_failure":null}`, false, false},
		"good":                {`{"in_recovery":false,"failures":2,"last":1795364136.25,"last_failure":1795364000}`, false, true},
		"failing":             {`{"in_recovery":false,"failures":2,"last":1795364136.25,"last_failure":1795364200}`, true, true},
		"failing from before": {`{"in_recovery":false,"failures":2,"last":null,"last_failure":1795364200}`, true, false},
	} {
		var a Archive
		if err := a.observe([]byte(c.answer)); err != nil || a.Failing != c.failing || (a.LastArchived != nil) != c.known {
			t.Errorf("%s: %+v, %v", name, a, err)
		}
	}
}

// answers is a Run whose hosts answer by what they are asked.
func answers(replies map[string]string) Run {
	return func(_ context.Context, host inventory.Host, _ io.Reader, argv ...string) ([]byte, error) {
		words := strings.Join(argv, " ")
		for part, reply := range replies {
			name, asked, _ := strings.Cut(part, ": ")
			if name == host.Name && strings.Contains(words, asked) {
				if text, failed := strings.CutPrefix(reply, "error: "); failed {
					return nil, errors.New(text)
				}
				return []byte(reply), nil
			}
		}
		return nil, errors.New("not expected: " + host.Name + ": " + words)
	}
}

func TestPrimaryHost(t *testing.T) {
	t.Parallel()
	hosts := []inventory.Host{{Name: "one"}, {Name: "two"}}
	for name, c := range map[string]struct {
		one, two string
		want     string
	}{
		"as made":        {"primary\n", "standby\n", "one"},
		"after failover": {"error: no route", "primary\n", "two"},
		"none":           {"standby\n", "error: no route", ""},
		"two":            {"primary\n", "primary\n", ""},
	} {
		host, err := PrimaryHost(t.Context(), answers(map[string]string{"one: in_recovery": c.one, "two: in_recovery": c.two}), hosts)
		if host.Name != c.want || (err == nil) != (c.want != "") {
			t.Errorf("%s: %q, %v", name, host.Name, err)
		}
		if err != nil && !strings.Contains(err.Error(), "one: ") {
			t.Errorf("%s: the error does not say who answered what: %v", name, err)
		}
	}
}

func TestMakeBackup(t *testing.T) {
	t.Parallel()
	host := inventory.Host{Name: "one"}
	full, err := os.ReadFile(filepath.Join("testdata", "backups-full.json"))
	if err != nil {
		t.Fatal(err)
	}
	none := `[{"name":"main","status":{"code":2,"message":"no valid backups"}}]`
	for name, c := range map[string]struct {
		start, after string
		want, says   string
	}{
		"made":                        {"", string(full), "20261122-161536F", ""},
		"pgBackRest's words":          {"error: systemctl exited with 1", none, "", "[082]: WAL is missing"},
		"the unit did nothing at all": {"", none, "", "made no backup"},
	} {
		asked := 0
		inner := answers(map[string]string{"one: systemctl start": c.start, "one: cat": "[082]: WAL is missing\n", "one: psql": `{"in_recovery":false}`})
		run := func(ctx context.Context, h inventory.Host, in io.Reader, argv ...string) ([]byte, error) {
			if strings.Contains(strings.Join(argv, " "), "pgbackrest") {
				if asked++; asked == 1 {
					return []byte(none), nil
				}
				return []byte(c.after), nil
			}
			return inner(ctx, h, in, argv...)
		}
		made, err := MakeBackup(t.Context(), run, host, FullBackup, func(string) {})
		if made.Label != c.want || (err == nil) != (c.want != "") || err != nil && !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %+v, %v", name, made, err)
		}
	}
}
