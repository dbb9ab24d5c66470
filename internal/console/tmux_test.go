package console

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/mattn/go-runewidth"

	"infra/internal/progress"
)

// replayIn is the folder in which a test and the program that it runs in tmux
// meet.
const replayIn = "INFRA_TEST_REPLAY"

// TestMain lets the test binary be a program that shows a run.
func TestMain(m *testing.M) {
	if dir := os.Getenv(replayIn); dir != "" {
		if err := replay(dir); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// replay shows a run up to its middle and waits; says two things and waits;
// asks; and ends.
func replay(dir string) error {
	c := New(os.Stdin, os.Stdout, os.Stderr, Options{Plain: os.Getenv("INFRA_PLAIN") != "", NoColor: os.Getenv("NO_COLOR") != ""})
	now := time.Now()
	c.Expect(known(now))
	for _, e := range scene(now) {
		c.Tell(e)
	}
	c.Step("pipeline/prod: applying")
	wait := func(stage string) {
		for {
			if _, err := os.Stat(filepath.Join(dir, stage)); err == nil {
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
	}
	wait("say")
	c.Warn("mind the gap")
	c.Step("a step that stays")
	wait("ask")
	if err := c.Confirm("Apply this?", "yes"); err != nil {
		return err
	}
	c.Step("it was confirmed")
	wait("end")
	c.Tell(progress.Event{At: time.Now(), Kind: progress.RunEnded, Result: "done"})
	c.Print("apply of prod: done\n")
	return errors.Join(os.WriteFile(filepath.Join(dir, "ended"), nil, 0o600), waitForever(dir))
}

// waitForever keeps the pane: tmux closes it with its program.
func waitForever(dir string) error {
	for {
		if _, err := os.Stat(dir); errors.Is(err, os.ErrNotExist) {
			return nil
		}
		time.Sleep(50 * time.Millisecond)
	}
}

// pane is a real terminal with the program in it.
type pane struct {
	t      *testing.T
	dir    string
	socket string
	raw    string // file of everything that the program wrote
}

func newPane(t *testing.T, width, height int, stty string, env ...string) *pane {
	t.Helper()
	if _, err := exec.LookPath("tmux"); err != nil {
		t.Fatal("tmux is not on PATH: `make tools` installs it, or: apt-get install tmux")
	}
	p := &pane{t: t, dir: t.TempDir()}
	p.socket, p.raw = filepath.Join(p.dir, "tmux"), filepath.Join(p.dir, "raw")
	program := fmt.Sprintf("stty %s; exec env %s=%s %s %s", stty, replayIn, p.dir, strings.Join(env, " "), os.Args[0])
	p.tmux("-f", "/dev/null", "new-session", "-d", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height),
		"while ! test -e "+filepath.Join(p.dir, "go")+"; do sleep 0.05; done; "+program)
	t.Cleanup(func() { _ = p.command("kill-server").Run() })
	p.tmux("pipe-pane", "-O", "cat > "+p.raw)
	p.tmux("set-option", "-g", "status", "off")
	p.resize(width, height)
	p.stage("go")
	return p
}

func (p *pane) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), "tmux", append([]string{"-S", p.socket}, args...)...)
	if args[0] == "kill-server" {
		cmd = exec.Command("tmux", "-S", p.socket, "kill-server") //nolint:noctx // the test's context has ended
	}
	cmd.Env = append(os.Environ(), "LC_ALL=C.UTF-8", "TMUX=")
	return cmd
}

func (p *pane) tmux(args ...string) string {
	p.t.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("tmux %q: %v\n%s", args, err, out)
	}
	return string(out)
}

func (p *pane) stage(name string) {
	p.t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, name), nil, 0o600); err != nil {
		p.t.Fatal(err)
	}
}

func (p *pane) resize(width, height int) {
	p.t.Helper()
	p.tmux("resize-window", "-x", fmt.Sprint(width), "-y", fmt.Sprint(height))
}

// screen is what a person sees. What has scrolled away is left out: where tmux
// breaks lines that have become too long, it scrolls the uppermost away, out of
// reach of any program.
func (p *pane) screen() string {
	p.t.Helper()
	return strings.TrimRight(p.tmux("capture-pane", "-p"), "\n ")
}

// scrolled is how many lines have scrolled away.
func (p *pane) scrolled() string {
	p.t.Helper()
	return strings.TrimSpace(p.tmux("display-message", "-p", "#{history_size}"))
}

// shows waits until the screen is as it should be.
func (p *pane) shows(what string, good func(screen string) bool) string {
	p.t.Helper()
	screen := ""
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(50 * time.Millisecond) {
		if screen = p.screen(); good(screen) {
			return screen
		}
	}
	p.t.Fatalf("the screen does not show %s:\n%s", what, screen)
	return ""
}

// once is a screen that has each text exactly once: a table that is drawn over
// badly leaves a part of itself.
func once(texts ...string) func(string) bool {
	return func(screen string) bool {
		for _, text := range texts {
			if strings.Count(screen, text) != 1 {
				return false
			}
		}
		return true
	}
}

// fits tells whether no line is wider than the terminal.
func fits(screen string, width int) bool {
	for line := range strings.Lines(screen) {
		if runewidth.StringWidth(strings.TrimRight(line, "\n")) > width {
			return false
		}
	}
	return true
}

func (p *pane) written() string {
	p.t.Helper()
	raw, err := os.ReadFile(p.raw)
	if err != nil {
		p.t.Fatal(err)
	}
	return string(raw)
}

func TestTerminalTable(t *testing.T) {
	t.Parallel()
	p := newPane(t, 100, 30, "sane")
	table := []string{"baseline/prod  done", "  vpc", "  zookeeper    working", "apply of prod, "}
	p.shows("the table, once", once(append(table, "pipeline/prod: applying")...))
	time.Sleep(2500 * time.Millisecond) // it is drawn over itself twice and more
	p.shows("the table, still once", once(append(table, "pipeline/prod: applying")...))
	if n := p.scrolled(); n != "0" {
		t.Errorf("redrawing has scrolled %s lines away", n)
	}
	for _, width := range []int{40, 61, 120, 40, 80} {
		p.resize(width, 30)
		p.shows(fmt.Sprintf("one table in %d columns, with what runs now if there is room", width), func(screen string) bool {
			return once(table...)(screen) && fits(screen, width) && strings.Contains(screen, "aws_") == (width >= narrow)
		})
	}
	p.resize(100, 8)
	p.shows("a table in 8 lines", func(s string) bool {
		return strings.Contains(s, "more rows") && strings.HasPrefix(s[strings.LastIndex(s, "\n")+1:], "apply of prod, ")
	})
	p.resize(100, 30)
	p.stage("say")
	said := p.shows("what stays, above the table", once(append(table, "warning: mind the gap", "a step that stays")...))
	if strings.Index(said, "mind the gap") > strings.Index(said, "baseline/prod  done") {
		t.Errorf("a warning is below the table:\n%s", said)
	}
	p.stage("ask")
	time.Sleep(1500 * time.Millisecond) // longer than the table is left alone
	asked := p.shows("the question alone", once(`Type "yes" to go on:`))
	if strings.Contains(asked, "zookeeper    working") {
		t.Errorf("the table is drawn beside a question:\n%s", asked)
	}
	p.tmux("send-keys", "yes", "Enter")
	p.shows("the table again", once(append(table, "it was confirmed")...))
	p.stage("end")
	end := p.shows("the end", once("apply of prod: done", "warning: mind the gap"))
	if strings.Contains(end, "zookeeper    working") || strings.Contains(end, "apply of prod, ") {
		t.Errorf("the table stays:\n%s", end)
	}
	if !strings.Contains(p.written(), "\x1b[31m") {
		t.Error("what failed has no colour")
	}
}

// A terminal that neither begins a line by itself nor turns Enter into a line
// feed, as a serial console or one of Windows.
func TestTerminalWithWindowsLineEnds(t *testing.T) {
	t.Parallel()
	p := newPane(t, 80, 24, "-onlcr -icrnl")
	p.stage("say")
	screen := p.shows("lines that begin at the left", once("warning: mind the gap", "apply of prod, "))
	for line := range strings.Lines(screen) {
		if strings.Contains(line, "apply of prod, ") && !strings.HasPrefix(line, "apply of prod, ") {
			t.Errorf("stairs:\n%s", screen)
		}
	}
	p.stage("ask")
	p.shows("the question", once(`Type "yes" to go on:`))
	p.tmux("send-keys", "yes")
	p.tmux("send-keys", "C-m")
	p.tmux("send-keys", "C-d") // without ICRNL the line is handed over by the end of file
	p.shows("an answer that ends in a carriage return", once("it was confirmed"))
}

// For screen readers: nothing is drawn over, coloured or boxed.
func TestTerminalPlain(t *testing.T) {
	t.Parallel()
	for name, env := range map[string]string{"INFRA_PLAIN": "INFRA_PLAIN=1", "dumb": "TERM=dumb"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := newPane(t, 80, 24, "sane", env)
			p.stage("say")
			p.stage("ask")
			p.shows("the question", once(`Type "yes" to go on:`))
			p.tmux("send-keys", "yes", "Enter")
			p.stage("end")
			p.shows("the end", once("warning: mind the gap", "it was confirmed", "apply of prod: done"))
			if raw := p.written(); strings.ContainsAny(raw, "\x1b\b") || strings.Contains(raw, "zookeeper") {
				t.Errorf("written was %q", raw)
			}
		})
	}
}

func TestTerminalNoColor(t *testing.T) {
	t.Parallel()
	p := newPane(t, 80, 24, "sane", "NO_COLOR=1")
	p.stage("say")
	p.shows("the table", once("warning: mind the gap", "apply of prod, "))
	if raw := p.written(); !strings.Contains(raw, "\x1b[") || strings.Contains(raw, "m\x1b[0m") || strings.Contains(raw, "\x1b[3") {
		t.Errorf("written was %q", raw)
	}
}
