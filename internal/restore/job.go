package restore

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"infra/internal/inventory"
	"infra/internal/ssh"
)

// silence is how long a host may be out of reach while a job of it runs: the
// job goes on.
const silence = 5 * time.Minute

// host is the one that is restored to.
type host struct {
	inventory.Host
	client  *ssh.Client
	version string // of PostgreSQL
}

// root runs a command as root.
func (h host) root(ctx context.Context, argv ...string) (string, error) {
	out, err := h.client.Run(ctx, h.Host, nil, append([]string{"sudo", "-n"}, argv...)...)
	return strings.TrimSpace(string(out)), err
}

// postgres runs a command as the server's user.
func (h host) postgres(ctx context.Context, stdin io.Reader, argv ...string) (string, error) {
	out, err := h.client.Run(ctx, h.Host, stdin, append([]string{"sudo", "-n", "-u", "postgres"}, argv...)...)
	return strings.TrimSpace(string(out)), err
}

// query runs a statement on the server of a host.
func (h host) query(ctx context.Context, database, statement string) (string, error) {
	return h.postgres(ctx, strings.NewReader(statement), "env", "PGCONNECT_TIMEOUT=5", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", database, "-f", "-")
}

func (h host) program(name string) string { return "/usr/lib/postgresql/" + h.version + "/bin/" + name }
func (h host) data() string               { return "/var/lib/postgresql/" + h.version + "/main" }
func (h host) unit() string               { return "postgresql@" + h.version + "-main.service" }

// jobError is a job that ended with another code than 0.
type jobError struct {
	program string
	code    int
	said    string // its last lines
}

func (e *jobError) Error() string {
	return fmt.Sprintf("%s exited with %d: %s", e.program, e.code, e.said)
}

// jobLog is where a job's output goes.
func jobLog(name string) string { return "/var/log/infra-restore/" + name + ".log" }

// job runs a program that may take hours, as a unit of systemd with the
// server's user, and returns the end of what it wrote. watch sees the last
// lines each time they were looked at.
func (h host) job(ctx context.Context, name string, watch func(lines string), argv ...string) (string, error) {
	unit, log := "infra-"+name+".service", jobLog(name)
	start := append([]string{
		"systemd-run", "--quiet", "--unit=" + unit, "--uid=postgres", "--working-directory=/", "--property=RemainAfterExit=yes",
		"--property=StandardOutput=truncate:" + log, "--property=StandardError=append:" + log, "--setenv=LC_ALL=C.UTF-8", "--setenv=HOME=/var/lib/postgresql", "--",
	}, argv...)
	if _, err := h.root(ctx, start...); err != nil {
		return "", err
	}
	state, err := h.await(ctx, unit, func() bool {
		if lines, err := h.root(ctx, "tail", "-c", "2000", log); err == nil && watch != nil {
			watch(lines)
		}
		return false
	}, func(s unitState) bool {
		return s.active == "failed" || s.active == "active" && s.sub == "exited" || s.active == "inactive"
	})
	if err != nil {
		return "", err
	}
	text, err := h.root(ctx, "tail", "-c", "200000", log)
	if err != nil {
		return "", err
	}
	if state.result != "success" || state.code != 0 {
		return text, &jobError{program: argv[0], code: state.code, said: reason(text)}
	}
	return text, nil
}

// unitState is what systemd says of a unit.
type unitState struct {
	active, sub, result string
	code                int
}

// state asks systemd for a unit.
func (h host) state(ctx context.Context, unit string) (unitState, error) {
	out, err := h.root(ctx, "systemctl", "show", "--property=ActiveState,SubState,Result,ExecMainStatus", unit)
	if err != nil {
		return unitState{}, err
	}
	var s unitState
	for line := range strings.Lines(out) {
		key, value, _ := strings.Cut(strings.TrimSpace(line), "=")
		switch key {
		case "ActiveState":
			s.active = value
		case "SubState":
			s.sub = value
		case "Result":
			s.result = value
		case "ExecMainStatus":
			s.code, _ = strconv.Atoi(value)
		}
	}
	return s, nil
}

// await looks at a unit until it is over, or what look waits for is there. A
// host that does not answer for a while is asked again.
func (h host) await(ctx context.Context, unit string, look func() bool, over func(unitState) bool) (unitState, error) {
	pause, heard := 300*time.Millisecond, time.Now()
	for {
		s, err := h.state(ctx, unit)
		var lost *ssh.UnreachableError
		switch {
		case err == nil:
			heard = time.Now()
			if over(s) || look() {
				return s, nil
			}
		case ctx.Err() != nil, !errors.As(err, &lost), time.Since(heard) > silence:
			return s, err
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-time.After(pause):
			pause = min(pause*5/4, time.Second)
		}
	}
}

// reason is what a program says went wrong: pgBackRest's first error, which
// stands before its statistics and its farewell, else the last lines.
func reason(text string) string {
	for line := range strings.Lines(text) {
		if _, said, found := strings.Cut(line, " ERROR: "); found {
			return strings.TrimSpace(said)
		}
	}
	return lastLines(text, 3)
}

// lastLines are the last lines of a text that say something, in one line.
func lastLines(text string, most int) string {
	var kept []string
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" {
			kept = append(kept, line)
		}
	}
	if len(kept) > most {
		kept = kept[len(kept)-most:]
	}
	joined := strings.Join(kept, "; ")
	if len(joined) > 600 {
		joined = "..." + strings.ToValidUTF8(joined[len(joined)-600:], "")
	}
	return joined
}
