package git

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// program is the git program, looking at one folder.
type program struct{ dir string }

// failure is what git said when it gave no answer.
type failure struct {
	verb string
	said string // the last line on standard error, or how the program ended
}

func (f *failure) Error() string { return "git " + f.verb + ": " + f.said }

// run gives what git writes to standard output. extra are environment
// variables beyond those that every question needs.
func (g program) run(ctx context.Context, extra []string, args ...string) (string, error) {
	// A monitor that the repository's configuration names is not started.
	cmd := exec.CommandContext(ctx, "git", append([]string{"-C", g.dir, "-c", "core.fsmonitor=false"}, args...)...)
	cmd.Env = append(environment(os.Environ()), extra...)
	// Without a terminal of its own, ssh cannot ask for a passphrase; with a
	// session of its own, all that git starts ends with it.
	cmd.SysProcAttr = &unix.SysProcAttr{Setsid: true}
	cmd.Cancel = func() error {
		if err := unix.Kill(-cmd.Process.Pid, unix.SIGKILL); !errors.Is(err, unix.ESRCH) {
			return err
		}
		return os.ErrProcessDone
	}
	cmd.WaitDelay = time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if err := cmd.Run(); err != nil {
		text := strings.TrimSpace(said.String())
		if text == "" {
			return "", fmt.Errorf("git %s: %w", args[0], err)
		}
		lines := strings.Split(text, "\n")
		return "", &failure{verb: args[0], said: lines[0]}
	}
	return out.String(), nil
}

// environment is what git may see of the caller's: who and where it is, its
// own configuration, and the way to a remote. Not GIT_DIR and its like, which
// a hook sets and which would turn git to another repository, and no secret
// that it has no use for.
func environment(all []string) []string {
	passed := []string{
		"PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK",
		"GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_EXEC_PATH", "GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR",
		"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "all_proxy", "no_proxy",
	}
	known := map[string]bool{}
	for _, name := range passed {
		known[name] = true
	}
	env := []string{
		"LC_ALL=C", // what git says is looked at
		"GIT_OPTIONAL_LOCKS=0", "GIT_TERMINAL_PROMPT=0", "SSH_ASKPASS_REQUIRE=never", "GCM_INTERACTIVE=never",
	}
	for _, pair := range all {
		if name, _, _ := strings.Cut(pair, "="); known[name] || strings.HasPrefix(name, "GIT_CONFIG_") {
			env = append(env, pair)
		}
	}
	return env
}
