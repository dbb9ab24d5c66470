package supervise

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// role makes the test binary play another part than the tests.
const role = "INFRA_TEST_ROLE"

// TestMain is the supervisor, a tool that it watches over, or an infra that
// has started it, when it is asked to.
func TestMain(m *testing.M) {
	if os.Getenv("INFRA_TEST_THREAD") != "" && os.Getenv(Variable) != "" {
		runtime.LockOSThread() // this goroutine keeps the main thread
		done := make(chan int)
		go func() {
			code, _ := Main(os.Args[1:])
			done <- code
		}()
		os.Exit(<-done)
	}
	if code, supervised := Main(os.Args[1:]); supervised {
		os.Exit(code)
	}
	switch os.Getenv(role) {
	case "infra":
		os.Exit(fakeInfra())
	case "tool":
		os.Exit(fakeTool(os.Args[1], os.Args[2:]))
	}
	// What the tests start must not inherit that a hangup is ignored, as it is under nohup.
	signal.Notify(make(chan os.Signal, 1), unix.SIGHUP)
	os.Exit(m.Run())
}

// fakeInfra starts a supervisor as terraform-exec does. Its output goes on to
// ours.
func fakeInfra() int {
	if os.Getenv("INFRA_TEST_IGNORE") != "" {
		signal.Ignore(unix.SIGINT, unix.SIGHUP) // the children inherit that
	}
	var spec Spec
	spec.Program, spec.Log = os.Args[0], os.Args[1]
	spec.Children, spec.Lease = os.Args[2], os.Getenv("INFRA_TEST_LEASE")
	own, err := spec.Variables()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	cmd := exec.CommandContext(context.Background(), Program, os.Args[3:]...)
	cmd.Env = environ(own)
	cmd.SysProcAttr = likeTerraformExec()
	cmd.Stdout, cmd.Stderr = os.Stdout, os.Stderr
	if err := cmd.Run(); err != nil {
		var exit *exec.ExitError
		if errors.As(err, &exit) {
			return exit.ExitCode()
		}
		return 1
	}
	return 0
}

// environ is that of a supervisor whose tool is the fake one.
func environ(own map[string]string) []string {
	env := append(os.Environ(), role+"=tool")
	for name, value := range own {
		env = append(env, name+"="+value)
	}
	return env
}

// say writes a line to standard output.
func say(line string) {
	if _, err := fmt.Fprintln(os.Stdout, line); err != nil {
		panic(err)
	}
}

// fakeTool works until it is interrupted, then takes a while to save: what
// Terraform does. It leaves notes in dir about what happened to it.
func fakeTool(dir string, args []string) int {
	note := func(name, text string) {
		if err := os.WriteFile(filepath.Join(dir, name+".new"), []byte(text), 0o600); err != nil {
			panic(err)
		}
		if err := os.Rename(filepath.Join(dir, name+".new"), filepath.Join(dir, name)); err != nil {
			panic(err)
		}
	}
	status, err := ignored()
	if err != nil {
		return 1
	}
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGPIPE)
	for _, arg := range args {
		if lines, found := strings.CutPrefix(arg, "lines="); found {
			n, err := strconv.Atoi(lines)
			if err != nil {
				return 1
			}
			for i := range n {
				say(fmt.Sprint(i, " ", strings.Repeat("x", 200)))
			}
			fmt.Fprintln(os.Stderr, "said")
			return 3
		}
		if file, found := strings.CutPrefix(arg, "leave="); found {
			note(file, "left behind")
			return 0
		}
		if arg == "worker" || arg == "provider" {
			worker := exec.CommandContext(context.Background(), "sleep", "600")
			// Ansible's lead sessions of their own.
			worker.SysProcAttr = &syscall.SysProcAttr{Setsid: arg == "worker"}
			if err := worker.Start(); err != nil {
				return 1
			}
			note(arg, strconv.Itoa(worker.Process.Pid))
		}
	}
	note("status", string(status))
	note("environment", strings.Join(os.Environ(), "\n"))
	note("started", strconv.Itoa(os.Getpid()))
	say("working")
	first := <-signals
	say("finishing")
	note("first", first.String())
	select {
	case <-signals:
		note("second", "")
		return 9
	case <-time.After(400 * time.Millisecond):
	}
	say("saved")
	note("saved", "")
	return 7
}

// scene is one tool under a supervisor, started by a fake infra.
type scene struct {
	dir, log, children string
	infra              *exec.Cmd
	out                *bufio.Reader
	close              func() error // stops reading what infra says
}

// begin starts a scene and returns when the tool works.
func begin(t *testing.T, env []string, args ...string) *scene {
	t.Helper()
	dir := t.TempDir()
	s := &scene{dir: dir, log: filepath.Join(dir, "log"), children: filepath.Join(dir, "children")}
	s.infra = exec.CommandContext(t.Context(), os.Args[0], append([]string{s.log, s.children, dir}, args...)...)
	s.infra.Env = append(append(os.Environ(), role+"=infra"), env...)
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	s.infra.Stdout, s.infra.Stderr = write, write
	s.out, s.close = bufio.NewReader(read), read.Close
	if err := s.infra.Start(); err != nil {
		t.Fatal(err)
	}
	if err := write.Close(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.sweep(t) })
	s.wait(t, "started")
	return s
}

// sweep ends what a failed test has left.
func (s *scene) sweep(t *testing.T) {
	_ = s.infra.Process.Kill() // it has ended in most tests
	left, err := process.Recorded(s.children)
	if err != nil {
		t.Error(err)
	}
	for _, one := range left {
		if err := one.Signal(unix.SIGKILL); err != nil {
			t.Error(err)
		}
	}
}

// wait waits for a note of the tool and gives its text.
func (s *scene) wait(t *testing.T, name string) string {
	t.Helper()
	var text string
	eventually(t, "the tool notes "+name, func() bool {
		data, err := os.ReadFile(filepath.Join(s.dir, name))
		text = string(data)
		return err == nil
	})
	return text
}

func (s *scene) noted(name string) bool {
	_, err := os.Stat(filepath.Join(s.dir, name))
	return err == nil
}

// process is one of the two that the scene's folder of children names.
func (s *scene) process(t *testing.T, supervisor bool) process.Identity {
	t.Helper()
	var found process.Identity
	eventually(t, "both processes are recorded", func() bool {
		all, err := process.Recorded(s.children)
		if err != nil {
			t.Fatal(err)
		}
		for _, one := range all {
			if (one.PID == one.Supervisor) == supervisor {
				found = one
			}
		}
		return len(all) == 2
	})
	return found
}

// over waits until neither the tool nor its supervisor is left, and wants
// their records gone.
func (s *scene) over(t *testing.T) {
	t.Helper()
	eventually(t, "nobody is recorded any more", func() bool {
		all, err := process.Recorded(s.children)
		return err == nil && len(all) == 0
	})
}

// rest is what infra said until everybody who could has ended.
func (s *scene) rest(t *testing.T) string {
	t.Helper()
	data, err := io.ReadAll(s.out)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func (s *scene) logged(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(s.log)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// eventually waits for what must come, on however slow a machine.
func eventually(t *testing.T, what string, there func() bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); !there(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("in vain: %s", what)
		}
	}
}

// code is the exit code of a command that was waited for.
func code(t *testing.T, err error) int {
	t.Helper()
	var exit *exec.ExitError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &exit):
		return exit.ExitCode()
	default:
		t.Fatal(err)
		return 0
	}
}
