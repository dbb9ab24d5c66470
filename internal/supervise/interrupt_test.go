package supervise

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

const whole = "working\nfinishing\nsaved\n"

// infra is killed: the tool is interrupted once, saves, and everything that it
// said is in its log. The kernel's order to kill the supervisor too is taken
// back from whichever thread the supervisor begins on.
func TestRow02KilledInfra(t *testing.T) {
	for name, env := range map[string][]string{"main thread": nil, "another thread": {"INFRA_TEST_THREAD=1"}} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, env)
			if err := s.infra.Process.Kill(); err != nil {
				t.Fatal(err)
			}
			_ = s.infra.Wait() // killed
			s.wait(t, "saved")
			s.over(t)
			if s.noted("second") || s.wait(t, "first") != "interrupt" || s.logged(t) != whole {
				t.Errorf("the log is %q", s.logged(t))
			}
			if strings.Contains(s.wait(t, "environment"), Variable) {
				t.Error("the tool knows the supervisor's task")
			}
		})
	}
}

// A lease file that cannot be used costs nothing but the lease.
func TestRow02KilledInfraWithoutItsLease(t *testing.T) {
	s := begin(t, []string{"INFRA_TEST_LEASE=" + filepath.Join(t.TempDir(), "missing.json")})
	if err := s.infra.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = s.infra.Wait() // killed
	s.wait(t, "saved")
	s.over(t)
	data, err := os.ReadFile(s.log + ".stderr")
	if err != nil || !strings.Contains(string(data), "keep the lease") {
		t.Errorf("the supervisor says %q, %v", data, err)
	}
}

// The supervisor is killed, alone or along with infra, before or after it has
// passed an interrupt on: the tool goes on and gets no second one.
func TestRow02KilledSupervisor(t *testing.T) {
	for _, c := range []struct {
		name               string
		both, before, then bool // infra is killed too; interrupted before, or while the tool goes on alone
	}{
		{name: "alone", then: true},
		{name: "after an interrupt", before: true},
		{name: "after an interrupt, which comes again", before: true, then: true},
		{name: "with infra", both: true, then: true},
		{name: "with infra, after an interrupt", both: true, before: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := begin(t, nil)
			supervisor, tool := s.process(t, true), s.process(t, false)
			inner, cancel := context.WithCancel(t.Context())
			defer cancel()
			ctx := watched{inner, func() {}}
			if c.before {
				cancel()
				if err := supervisor.Signal(unix.SIGINT); err != nil {
					t.Fatal(err)
				}
				s.wait(t, "first")
			}
			if err := supervisor.Signal(unix.SIGKILL); err != nil {
				t.Fatal(err)
			}
			if c.both {
				_ = s.infra.Process.Kill() // it may be ending already
			}
			_ = s.infra.Wait() // one of the two was killed
			if !c.before && (s.noted("first") || !tool.Alive()) {
				t.Error("the tool did not go on")
			}
			if c.then {
				ctx.asked = cancel // as soon as Await looks for the end, not before
			}
			if err := Await(ctx, s.children, supervisor.PID, Keep{From: filepath.Join(s.dir, "none")}, nil); err != nil {
				t.Error(err)
			}
			if tool.Alive() || !s.noted("saved") || s.noted("second") || s.logged(t) != whole {
				t.Errorf("the tool is alive: %v; its log is %q", tool.Alive(), s.logged(t))
			}
		})
	}
}

// watched tells when somebody begins to wait for its end.
type watched struct {
	context.Context
	asked func()
}

func (w watched) Done() <-chan struct{} {
	w.asked()
	return w.Context.Done()
}

// Nobody reads what infra says: the tool does not notice.
func TestRow03NobodyReads(t *testing.T) {
	s := begin(t, nil)
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	if err := s.process(t, true).Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.infra.Wait()); got != 7 || s.logged(t) != whole {
		t.Errorf("exit code %d, the log is %q", got, s.logged(t))
	}
}

// Any signal becomes one interrupt, however many come.
func TestRow04Row05Row07Row08OneInterrupt(t *testing.T) {
	for name, signals := range map[string][]syscall.Signal{
		"Row04 SIGHUP":            {unix.SIGHUP},
		"Row05 SIGINT":            {unix.SIGINT},
		"Row07 SIGINT, SIGTERM":   {unix.SIGINT, unix.SIGTERM},
		"Row08 SIGTERM":           {unix.SIGTERM},
		"Row07 more than one can": {unix.SIGINT, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGINT},
	} {
		t.Run(name, func(t *testing.T) {
			s := begin(t, nil)
			supervisor := s.process(t, true)
			for _, one := range signals {
				if err := supervisor.Signal(one); err != nil {
					t.Fatal(err)
				}
				s.wait(t, "first")
			}
			if got := code(t, s.infra.Wait()); got != 7 || s.noted("second") || s.wait(t, "first") != "interrupt" {
				t.Errorf("exit code %d", got)
			}
			s.over(t)
			if got := s.rest(t); got != whole {
				t.Errorf("infra says %q", got)
			}
		})
	}
}

// Only SIGUSR1 interrupts a second time, and it is remembered.
func TestRow06SecondInterrupt(t *testing.T) {
	s := begin(t, nil)
	if CancelledHard(s.children) {
		t.Error("remembered before it was so")
	}
	supervisor := s.process(t, true)
	if !supervised(supervisor.PID) || supervised(os.Getpid()) {
		t.Error("a supervisor is not known by its environment")
	}
	if err := supervisor.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	s.wait(t, "first")
	if err := supervisor.Signal(unix.SIGUSR1); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.infra.Wait()); got != 9 || s.noted("saved") || !CancelledHard(s.children) {
		t.Errorf("exit code %d, remembered %v", got, CancelledHard(s.children))
	}
}

// Cancel reaches the supervisors of this process and nobody else.
func TestRow06CancelFindsItsSupervisors(t *testing.T) {
	dir := t.TempDir()
	own, err := Spec{Run: Run{Children: filepath.Join(dir, "children")}, Program: os.Args[0], Log: filepath.Join(dir, "log")}.Variables()
	if err != nil {
		t.Fatal(err)
	}
	bystander := exec.CommandContext(t.Context(), "sleep", "600")
	if err := bystander.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = bystander.Process.Kill()
		_ = bystander.Wait()
	}()
	cmd := exec.CommandContext(t.Context(), Program, dir)
	cmd.Env = environ(own)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &scene{dir: dir, children: filepath.Join(dir, "children")}
	s.wait(t, "started")
	if n, err := Cancel(); n != 1 || err != nil {
		t.Errorf("cancelled %d, %v", n, err)
	}
	_ = cmd.Wait() // 7 or 9: two interrupts at once may be seen as one
	if id, err := process.Of(bystander.Process.Pid); err != nil || !id.Alive() {
		t.Error("a process that is no supervisor was ended")
	}
}

// A group: what it has started is gone with an interrupted tool, and with one
// that an interrupt does not end.
func TestRow09NothingOfAGroupIsLeft(t *testing.T) {
	dir := t.TempDir()
	own, err := Spec{Run: Run{Children: filepath.Join(dir, "children")}, Program: os.Args[0], Log: filepath.Join(dir, "log"), Group: true, Grace: time.Minute}.Variables()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Program, dir, "worker")
	cmd.Env = environ(own)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &scene{dir: dir, children: filepath.Join(dir, "children")}
	pid, err := strconv.Atoi(s.wait(t, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := process.Of(pid)
	if err != nil {
		t.Fatal(err)
	}
	s.wait(t, "started")
	if err := cmd.Process.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := code(t, cmd.Wait()); got != 7 {
		t.Errorf("exit code %d", got)
	}
	eventually(t, "the worker is gone", func() bool { return !worker.Alive() })
}

func TestRow09GraceEnds(t *testing.T) {
	dir := t.TempDir()
	own, err := Spec{Program: os.Args[0], Log: filepath.Join(dir, "log"), Group: true, Grace: 20 * time.Millisecond}.Variables()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), Program, dir)
	cmd.Env = environ(own)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s := &scene{dir: dir}
	s.wait(t, "started")
	if err := cmd.Process.Signal(unix.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if got := code(t, cmd.Wait()); got != signalled+int(unix.SIGKILL) || s.noted("saved") {
		t.Errorf("exit code %d", got)
	}
}

// A tool started from a script's background or under nohup gets its signals
// all the same; SIGHUP means nothing to a supervisor under nohup.
func TestRow10IgnoredSignalsAreReset(t *testing.T) {
	// Those that a tool may get; C libraries ignore others for themselves.
	const meant = 1<<(unix.SIGINT-1) | 1<<(unix.SIGTERM-1) | 1<<(unix.SIGHUP-1) | 1<<(unix.SIGQUIT-1) | 1<<(unix.SIGPIPE-1)
	s := begin(t, []string{"INFRA_TEST_IGNORE=1"})
	for line := range strings.Lines(s.wait(t, "status")) {
		if text, found := strings.CutPrefix(line, "SigIgn:"); found {
			mask, err := strconv.ParseUint(strings.TrimSpace(text), 16, 64)
			if err != nil || mask&meant != 0 {
				t.Errorf("the tool ignores signals: %s (%v)", text, err)
			}
		}
	}
	if strings.Contains(s.wait(t, "environment"), Variable) {
		t.Error("the tool knows the supervisor's task")
	}
	supervisor := s.process(t, true)
	if err := supervisor.Signal(unix.SIGHUP); err != nil {
		t.Fatal(err)
	}
	time.Sleep(2 * watch)
	if s.noted("first") {
		t.Error("SIGHUP was passed on although it was ignored from the start")
	}
	if err := supervisor.Signal(unix.SIGINT); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.infra.Wait()); got != 7 {
		t.Errorf("exit code %d", got)
	}
}
