package terraform

import (
	"archive/zip"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/supervise"
)

// playing makes the test binary a Terraform that fails in the named way.
const playing = "INFRA_TEST_TERRAFORM"

const (
	begins   = `{"type":"apply_start","hook":{"resource":{"addr":"aws_vpc.this"},"action":"create"}}`
	lockInfo = `Lock Info:\n  ID:        5a1c-42\n  Path:      bucket/key\n  Operation: OperationTypeApply\n  Who:       jane@laptop\n  Version:   1.11.4\n  Created:   2026-11-22 08:30:15.25 +0000 UTC\n  Info:      \n\n\nTerraform acquires a state lock`
	persist  = `{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Failed to save state","detail":"Error saving state: 503"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Failed to persist state to backend","detail":"use the following command:\n terraform state push errored.tfstate"}}`
	planned = `{"type":"planned_change","change":{"resource":{"addr":"aws_vpc.this","resource_type":"aws_vpc"},"action":"create"}}`
	summed  = `{"type":"change_summary","changes":{"add":1,"import":0,"change":0,"remove":0,"operation":"plan"}}`
)

// say writes a line to standard output.
func say(line string) {
	if _, err := fmt.Fprintln(os.Stdout, line); err != nil {
		panic(err)
	}
}

// play says what Terraform says and gives its exit code.
func play(part string, args []string) int {
	switch part {
	case "locked":
		say(`{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Error acquiring the state lock","detail":"Error message: operation error S3: PutObject, 412\n` + lockInfo + `"}}`)
		return 1
	case "locked in plain words":
		fmt.Fprintln(os.Stderr, "\nError: Error acquiring the state lock\n\nError message: 412\n"+strings.ReplaceAll(lockInfo, `\n`, "\n"))
		return 1
	case "crash":
		say(begins)
		fmt.Fprintln(os.Stderr, "!!!!!!!!!!!! TERRAFORM CRASH !!!!!!!!!!!!")
		return 11
	case "no word":
		say(begins)
		return 1
	case "cancelled hard":
		signals := make(chan os.Signal, 2)
		signal.Notify(signals, unix.SIGINT)
		say(begins)
		<-signals
		say(`{"type":"log","@message":"\nInterrupt received.\n"}`)
		<-signals
		say(`{"type":"log","@message":"\nTwo interrupts received. Exiting immediately. Note that data loss may have occurred.\n"}`)
		return 1
	case "provider died", "provider died while it looked":
		call := "ApplyResourceChange"
		if part != "provider died" {
			call = "ReadResource"
		}
		say(`{"type":"diagnostic","@level":"error","diagnostic":{"severity":"error","summary":"Plugin did not respond","address":"aws_s3_bucket.log","detail":"The plugin encountered an error, and failed to respond to the plugin.(*GRPCProvider).` + call + ` call. The plugin logs may contain more details."}}`)
		return 1
	case "state not saved":
		if err := os.WriteFile("errored.tfstate", []byte("{}"), 0o644); err != nil {
			return 9
		}
		say(persist)
		return 1
	case "state in the output":
		say(`{"type":"log","@message":"Emergency state dump","state":{"serial":7}}`)
		say(persist)
		return 1
	case "state nowhere":
		say(persist)
		return 1
	}
	return playPlan(part, args)
}

// playPlan writes plan files as a full disk lets it.
func playPlan(part string, args []string) int {
	i := slices.IndexFunc(args, func(arg string) bool { return strings.HasPrefix(arg, "-out=") })
	out := strings.TrimPrefix(args[i], "-out=")
	file, err := os.Create(out)
	if err != nil {
		return 9
	}
	archive := zip.NewWriter(file)
	name := "tfplan"
	if part == "plan without a plan" {
		name = "tfstate"
	}
	entry, err := archive.Create(name)
	if err == nil {
		_, err = entry.Write([]byte(strings.Repeat("plan", 100)))
	}
	if err = errors.Join(err, archive.Close(), file.Close()); err != nil {
		return 9
	}
	size := int64(-1)
	switch part {
	case "empty plan":
		size = 0
	case "half a plan":
		size = 60
	}
	if size >= 0 && os.Truncate(out, size) != nil {
		return 9
	}
	if part == "events lost" {
		say(summed)
		return 2
	}
	say(planned)
	if part != "no end" {
		say(summed)
	}
	return 2
}

// faked is a workspace whose Terraform fails in the named way.
func faked(t *testing.T, part string) *Workspace {
	t.Helper()
	w := workspace(t, `{"size": 3}`)
	w.Binary = os.Args[0]
	w.Environment[playing] = part
	w.Supervise = supervise.Run{Children: filepath.Join(w.Logs, "children")}
	return w
}

func TestHowAnApplyFails(t *testing.T) {
	for _, c := range []struct {
		part    string
		code    fault.Code
		unknown bool
		hint    string
		says    []string
	}{
		{"locked", fault.Locked, false, "infra runs e\n", []string{"jane@laptop", "5a1c-42", "2026-11-22T08:30:15Z", "(apply)"}},
		{"crash", fault.Failed, true, "infra recover e", []string{"crashed"}},
		{"provider died", fault.Failed, true, "infra recover e", []string{"its provider has died"}},
		{"provider died while it looked", fault.Failed, false, "mend the cause", []string{"Plugin did not respond"}},
		{"no word", fault.Failed, true, "infra recover e", []string{"code 1"}},
		{"state not saved", fault.StateNotSaved, false, "infra state push-errored e", []string{"test-e-errored.tfstate", "503"}},
		{"state in the output", fault.StateNotSaved, false, "infra state push-errored e", []string{"test-e-errored.tfstate", "503"}},
		{"state nowhere", fault.Failed, true, "infra recover e", []string{"503"}},
	} {
		t.Run(c.part, func(t *testing.T) {
			w := faked(t, c.part)
			_, err := w.Apply(t.Context(), "plan")
			if fault.CodeOf(err) != c.code || errors.Is(err, ErrUnknown) != c.unknown || !strings.HasPrefix(fault.HintOf(err), c.hint) {
				t.Errorf("code %d, unknown %v, hint %q", fault.CodeOf(err), errors.Is(err, ErrUnknown), fault.HintOf(err))
			}
			for _, want := range c.says {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("%q is not in %v", want, err)
				}
			}
			if err != nil && strings.Contains(err.Error(), "terraform state push") {
				t.Errorf("two commands are offered: %v", err)
			}
		})
	}
}

func TestRow11AStateThatCouldNotBeSavedIsKept(t *testing.T) {
	for part, want := range map[string]string{"state not saved": "{}", "state in the output": `{"serial":7}`} {
		w := faked(t, part)
		if _, err := w.Apply(t.Context(), "plan"); fault.CodeOf(err) != fault.StateNotSaved {
			t.Fatalf("%s: %v", part, err)
		}
		kept := filepath.Join(w.Logs, "test-e-errored.tfstate")
		data, err := os.ReadFile(kept)
		if err != nil || string(data) != want {
			t.Errorf("%s: kept is %q, %v", part, data, err)
		}
		if info, err := os.Stat(kept); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: it has mode %v, %v", part, info.Mode(), err)
		}
		if _, err := os.Stat(filepath.Join(w.Root, "errored.tfstate")); err == nil {
			t.Errorf("%s: it is still in the folder of the code", part)
		}
	}
}

func TestRow06AHardCancelIsUnknown(t *testing.T) {
	w := faked(t, "cancelled hard")
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		log := filepath.Join(w.Logs, "test-e-apply.jsonl")
		for _, next := range []struct {
			text string
			then func()
		}{
			{"apply_start", cancel},
			{"Interrupt received", func() {
				if n, err := supervise.Cancel(); n != 1 || err != nil {
					t.Errorf("cancelled %d, %v", n, err)
				}
			}},
		} {
			eventually(t, next.text, func() bool {
				data, err := os.ReadFile(log)
				return err == nil && strings.Contains(string(data), next.text)
			})
			next.then()
		}
	}()
	_, err := w.Apply(ctx, "plan")
	if !errors.Is(err, ErrUnknown) || fault.CodeOf(err) != fault.Failed || !supervise.CancelledHard(w.Supervise.Children) {
		t.Errorf("got %v, remembered %v", err, supervise.CancelledHard(w.Supervise.Children))
	}
}

// The run's context ended for a reason of its own, such as the loss of the
// lease: that is what the error says.
func TestACauseIsTold(t *testing.T) {
	s := newSlow(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	go func() {
		s.begun(t)
		cancel(fault.New(fault.Locked, "keep the lease", errors.New("run 42 has taken it"), "infra runs e"))
	}()
	_, err := s.w.Apply(ctx, s.plan.File)
	if fault.CodeOf(err) != fault.Locked || !strings.Contains(err.Error(), "run 42 has taken it; what was in flight") || fault.HintOf(err) != "infra runs e" {
		t.Errorf("code %d: %v", fault.CodeOf(err), err)
	}
}

func TestRow34AFullDiskGivesNoPlan(t *testing.T) {
	for _, part := range []string{"empty plan", "half a plan", "plan without a plan", "events lost", "no end"} {
		w := faked(t, part)
		_, err := w.Plan(t.Context(), PlanOptions{Out: filepath.Join(w.Logs, "plan")})
		if fault.CodeOf(err) != fault.Failed || !strings.Contains(err.Error(), "disk may be full") || !strings.HasPrefix(fault.HintOf(err), "df -h ") {
			t.Errorf("%s: %v", part, err)
		}
	}
	w := faked(t, "a good one")
	p, err := w.Plan(t.Context(), PlanOptions{Out: filepath.Join(w.Logs, "plan")})
	if err != nil || len(p.SHA256) != 64 || len(p.Changes) != 1 {
		t.Errorf("got %+v, %v", p, err)
	}
}

// Row 19 and 21: who holds the lock is told whichever command met it.
func TestRow21ALockNamesItsHolder(t *testing.T) {
	w := faked(t, "locked in plain words")
	err := w.Move(t.Context(), "aws_vpc.this", "aws_vpc.that")
	if fault.CodeOf(err) != fault.Locked || !strings.Contains(err.Error(), "locked by jane@laptop (apply) since 2026-11-22T08:30:15Z, lock ID 5a1c-42") {
		t.Errorf("code %d: %v", fault.CodeOf(err), err)
	}
}

func TestRow48LeadingDashesAreRefused(t *testing.T) {
	w := faked(t, "no word")
	for name, err := range map[string]error{
		"move":   w.Move(t.Context(), "aws_vpc.this", "-state=x"),
		"remove": w.Remove(t.Context(), []string{"aws_vpc.this", "-lock=false"}),
		"import": w.Import(t.Context(), "aws_vpc.this", "-config=x"),
		"empty":  w.Import(t.Context(), "", "vpc-1"),
	} {
		if fault.CodeOf(err) != fault.Usage {
			t.Errorf("%s: %v", name, err)
		}
	}
}
