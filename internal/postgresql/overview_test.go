package postgresql

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// seen is an overview of a cluster at a fixed time.
func seen(t *testing.T, change func(nodes []Node), files ...string) *Overview {
	t.Helper()
	o := overviewOf(t, change, files...)
	o.Schema, o.Region, o.At = OverviewSchema, "eu-west-1", time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	if primary := o.Primary(); primary != nil {
		o.Synchronous = primary.answer.Synchronous
	}
	o.State = o.Word()
	return o
}

func TestOverviewText(t *testing.T) {
	moment := func(minutes int) time.Time { return time.Date(2026, 11, 22, 15, minutes, 0, 0, time.UTC) }
	event := func(minutes int, node, name, fields string) Event {
		return Event{At: moment(minutes), Node: node, Name: name, Fields: json.RawMessage(fields)}
	}
	tests := map[string]func(t *testing.T) *Overview{
		"overview-healthy": func(t *testing.T) *Overview {
			o := seen(t, func(n []Node) { n[0].answer.Synchronous = `ANY 1 ("postgresql-2")` }, "primary", "standby", "witness")
			o.Verified = &Verified{EndedAt: moment(10), Passed: true, RTOSeconds: 41.7, RPOSeconds: 1.04}
			o.Backup = &Backup{Type: FullBackup, Stopped: moment(5), DatabaseBytes: 95 << 20}
			return o
		},
		"overview-failed-over": func(t *testing.T) *Overview {
			o := seen(t, func(n []Node) {
				n[0].Agent = nil
				n[0].Error = "postgresql-1 (i-0aaaaaaaa) does not answer over SSH: kex_exchange_identification: Connection closed by remote host"
				n[0].Instance, n[0].Fenced = "stopped", "2"
				n[1].Agent.Events = []Event{
					event(1, "postgresql-2", "agent_started", `{}`),
					event(2, "postgresql-2", "promoted", `{"at":"2026-11-22T15:02:00.000Z","event":"promoted","node":"postgresql-2","term":2,"lsn":771769824,"timeline":2}`),
					event(3, "postgresql-2", "waiting", `{"reason":"nothing can be written through the endpoint `+strings.Repeat("x", 80)+`"}`),
				}
			}, "", "primary-promoted", "witness")
			o.Endpoint = Endpoint{Address: "198.19.0.5"}
			o.Verified = &Verified{EndedAt: moment(10), Passed: false}
			o.judgeVerified(nil)
			return o
		},
		"overview-rds": func(*testing.T) *Overview {
			s := Status{Engine: "rds", Reached: 1, Serving: true, Endpoint: Endpoint{Address: "infra-test-postgresql.abc.eu-west-1.rds.amazonaws.com"}}
			s.Managed = &Managed{Identifier: "infra-test-postgresql", State: "available", Version: "15.8", Class: "db.m6g.large", MultiAZ: true, Zone: "eu-west-1a", OtherZone: "eu-west-1b", StorageGB: 100}
			return &Overview{Environment: "test", Region: "eu-west-1", Status: s, State: Healthy}
		},
	}
	for file, make := range tests {
		t.Run(file, func(t *testing.T) {
			var text bytes.Buffer
			if err := make(t).Text(&text); err != nil {
				t.Fatal(err)
			}
			for line := range strings.Lines(text.String()) {
				if width := len([]rune(strings.TrimSuffix(line, "\n"))); width > columns {
					t.Errorf("%d columns: %s", width, line)
				}
			}
			golden(t, file+".txt", text.Bytes())
		})
	}
}

func golden(t *testing.T, file string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", file)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := os.WriteFile(path, got, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

func TestJudgeVerified(t *testing.T) {
	at := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		verified *Verified
		err      error
		want     string
	}{
		"never":   {nil, nil, ""},
		"fresh":   {&Verified{EndedAt: at.Add(-26 * time.Hour), Passed: true}, nil, ""},
		"old":     {&Verified{EndedAt: at.Add(-27 * time.Hour), Passed: true}, nil, "the last verified restore is 27 h 0 min old"},
		"failed":  {&Verified{EndedAt: at}, nil, "failed its checks"},
		"unknown": {nil, errors.New("denied"), "unknown: denied"},
	} {
		o := &Overview{At: at, Verified: test.verified}
		o.judgeVerified(test.err)
		if got := strings.Join(o.Problems, "|"); (got == "") != (test.want == "") || !strings.Contains(got, test.want) {
			t.Errorf("%s: %q, want %q", name, got, test.want)
		}
	}
}

func TestManagedProgress(t *testing.T) {
	began := time.Date(2026, 11, 22, 16, 0, 0, 0, time.UTC)
	type look struct {
		zone, state string
		after       time.Duration
		over        bool
		told        string
	}
	for name, looks := range map[string][]look{
		"moves": {
			{"a", "available", time.Second, false, ""},
			{"a", "rebooting", 5 * time.Second, false, "is rebooting"},
			{"b", "rebooting", 50 * time.Second, false, "is in zone b now, rebooting"},
			{"b", "available", 60 * time.Second, true, "is available"},
		},
		"does not say so": {
			{"a", "rebooting", 5 * time.Second, false, "is rebooting"},
			{"a", "available", 60 * time.Second, false, "is available"},
			{"a", "available", managedZoneLimit + time.Second, true, ""},
		},
		"cannot be asked": {
			{"", "", time.Second, false, ""},
			{"b", "available", 2 * time.Second, true, "is in zone b now, available"},
		},
	} {
		p := managedProgress{zone: "a", state: "available", began: began}
		for i, l := range looks {
			over, told := p.see(Managed{Zone: l.zone, State: l.state}, began.Add(l.after))
			if over != l.over || told != l.told {
				t.Errorf("%s, look %d: %v %q", name, i, over, told)
			}
		}
	}
}
