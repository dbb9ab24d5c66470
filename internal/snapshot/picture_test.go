package snapshot

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"
)

// example is a plan of the facts' size.
func example(t *testing.T) (Plan, Subject) {
	t.Helper()
	const throughput = 64 << 20
	used := int64((14*hour - 2*time.Minute).Seconds() * throughput)
	plan, err := Make(Inputs{
		Extent: Extent{Used: used, Volume: 2 * used}, Writes: Writes{Sequential: 0.1 * throughput * 3600},
		Snapshot: Speed{Throughput: throughput, Overhead: 2 * time.Minute}, Target: 5 * time.Minute,
		Downtime: Downtime{Stop: 5 * time.Second, Create: 10 * time.Second, Recovery: 30 * time.Second},
	})
	if err != nil {
		t.Fatal(err)
	}
	return plan, Subject{Environment: "prod", Host: "postgresql-2", Volume: "vol-0123456789abcdef0", Sources: Sources{Writes: "CloudWatch", Throughput: "earlier <snapshots>"}}
}

func taken(plan Plan) *Result {
	r := &Result{Chain: "c", Planned: plan, Final: plan, Snapshot: "snap-4", Volume: "vol-2", Create: 9 * time.Second, Downtime: time.Minute}
	began := time.Date(2026, 11, 22, 8, 0, 0, 0, time.UTC)
	for _, s := range plan.Steps {
		t := Taken{Step: s.Number, ID: "snap-" + string(rune('0'+s.Number)), Started: began.Add(s.Start), Took: s.Took * 9 / 10, Estimated: s}
		if s.Final {
			t.Still = 800 * time.Millisecond
		}
		r.Taken = append(r.Taken, t)
	}
	r.Recovered = &Recovered{Host: "postgresql-witness", Control: "in archive recovery", Version: "15.14", Timeline: "2", Position: "0/7000148", Took: 6 * time.Second, Source: "10", Answer: "10"}
	return r
}

// TestPictures: they are well-formed. INFRA_PICTURES names a folder to look
// at them in.
func TestPictures(t *testing.T) {
	plan, of := example(t)
	for name, svg := range map[string]string{"plan": plan.Picture(of), "run": taken(plan).Picture(of)} {
		for decoder := xml.NewDecoder(strings.NewReader(svg)); ; {
			if _, err := decoder.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		if strings.Contains(svg, "NaN") || strings.Contains(svg, "Inf") {
			t.Errorf("%s holds what is no number:\n%s", name, svg)
		}
		if folder := os.Getenv("INFRA_PICTURES"); folder != "" {
			if err := os.WriteFile(folder+"/"+name+".svg", []byte(svg), 0o600); err != nil {
				t.Error(err)
			}
		}
	}
}

func TestTexts(t *testing.T) {
	plan, of := example(t)
	text := plan.Describe(of)
	for _, want := range []string{"final: the database stands still", "rho        0.100", "1h26m0s", "downtime 3m49s = stop 5.0s + window"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	text = taken(plan).Describe(of, &Chain{Way: Freeze, TargetZone: "eu-west-1b", Probe: "SELECT 1"})
	for _, want := range []string{"freeze: stood still for 0.8s", "vol-2 in eu-west-1b", "the recovered server 10", "timeline 2"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := []string{Text(3100 * time.Millisecond), Text(636 * time.Second), Text(14 * hour), Bytes(12), Bytes(1536), Bytes(300 << 30)}; strings.Join(got, " ") != "3.1s 10m36s 14h0m 12 B 1.5 KiB 300 GiB" {
		t.Errorf("%v", got)
	}
}
