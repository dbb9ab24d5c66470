package sandbox

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"time"

	"infra/internal/debian"
	"infra/internal/fault"
	"infra/internal/process"
	"infra/internal/sandbox/engine"
)

// Up starts the sandbox and returns when it can be used; progress hears the
// steps. A sandbox that runs already is left as it is. What a daemon that died
// has left behind is removed first. Cancelling ctx ends what was begun.
func Up(ctx context.Context, config Config, progress func(string)) error {
	const op = "start the sandbox"
	config, err := config.settle()
	if err != nil {
		return err
	}
	if err := checkRoot(op); err != nil {
		return err
	}
	found, err := readRecord(config)
	if err != nil {
		return fault.New(fault.Failed, op, err, config.command("down"))
	}
	if found.Daemon.Alive() {
		switch {
		case found.Phase == running && found.Endpoint == config.Endpoint:
			progress("the sandbox runs already at " + config.Endpoint)
			return config.Lifetime.write(config)
		case found.Phase == running:
			return fault.New(fault.Failed, op, fmt.Errorf("it runs already, at %s instead of %s", found.Endpoint, config.Endpoint),
				config.command("reset"))
		case found.Phase == ending:
			return fault.New(fault.Failed, op, errors.New("it is just being ended"), config.command("down")+", then "+config.command("up"))
		}
		return await(ctx, config, found.Daemon, progress)
	}
	if found.Daemon.PID != 0 {
		progress("removing what an earlier sandbox has left behind")
		if err := remove(ctx, config, progress); err != nil {
			return err
		}
	}
	if err := prepare(ctx, config, progress); err != nil {
		return err
	}
	if err := config.Lifetime.write(config); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	daemon, err := launch(config)
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	return await(ctx, config, daemon, progress)
}

// prepare makes sure that a daemon can start: nothing is made but a folder and
// missing packages.
func prepare(ctx context.Context, config Config, progress func(string)) error {
	port, err := config.port()
	if err != nil {
		return err
	}
	if err := checkPort(ctx, port); err != nil {
		return fault.New(fault.Failed, "start the sandbox", err,
			fmt.Sprintf("ss -ltnp 'sport = :%d' names the program; end it, or set another endpoint in %s", port, config.file()))
	}
	if err := programs().Install(ctx, progress); err != nil {
		return err
	}
	if err := os.MkdirAll(config.Dir, 0o755); err != nil { //nolint:gosec // its status is for everybody
		return fault.New(fault.Failed, "make the sandbox's folder", err, "")
	}
	return nil
}

// launch starts the daemon in a session of its own, so that it outlives the
// terminal, with nothing of the caller's AWS settings.
func launch(config Config) (started process.Identity, err error) {
	log, err := os.OpenFile(config.LogFile(), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return process.Identity{}, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	if err := os.WriteFile(config.progressFile(), nil, 0o600); err != nil {
		return process.Identity{}, err
	}
	command := exec.Command(config.Executable, config.serveArguments()...) //nolint:noctx // the daemon outlives this command
	command.Dir = config.Dir
	command.Stdout, command.Stderr = log, log
	command.Env = daemonEnvironment(os.Environ())
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := command.Start(); err != nil {
		return process.Identity{}, err
	}
	started, err = process.Of(command.Process.Pid)
	go func() {
		_ = command.Wait()
	}()
	return started, err
}

// daemonEnvironment is what the daemon gets to see of the caller's.
func daemonEnvironment(environment []string) []string {
	var kept []string
	for _, entry := range environment {
		name, _, _ := strings.Cut(entry, "=")
		switch strings.ToUpper(name) {
		case "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "XDG_CACHE_HOME", "SSL_CERT_FILE", "SSL_CERT_DIR",
			"HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY":
			kept = append(kept, entry)
		}
	}
	return append(kept, "PATH="+debian.SearchPath())
}

// await passes on the daemon's progress until the sandbox runs or has failed.
func await(ctx context.Context, config Config, daemon process.Identity, progress func(string)) error {
	const op = "start the sandbox"
	var steps follower
	for {
		if err := steps.report(config.progressFile(), progress); err != nil {
			return fault.New(fault.Failed, op, err, "")
		}
		alive := daemon.Alive()
		found, err := readRecord(config)
		if err != nil {
			return fault.New(fault.Failed, op, err, config.command("down"))
		}
		mine := found.Daemon == daemon
		switch {
		case mine && found.Phase == running:
			return steps.report(config.progressFile(), progress)
		case !alive && mine && found.Phase == failed:
			return fault.New(fault.Failed, op, errors.New(found.Error), found.Hint)
		case !alive:
			return fault.New(fault.Failed, op, errors.New("its daemon ended at once: "+engine.LastLine(config.LogFile())),
				"read "+config.LogFile()+", then: "+config.command("down"))
		}
		select {
		case <-ctx.Done():
			progress("interrupted: removing what was made")
			return errors.Join(ctx.Err(), remove(context.WithoutCancel(ctx), config, progress))
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// follower reads the lines that are added to a file.
type follower struct {
	offset int64
	rest   string
}

func (f *follower) report(path string, line func(string)) (err error) {
	file, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	data, err := io.ReadAll(io.NewSectionReader(file, f.offset, 1<<20))
	if err != nil {
		return err
	}
	f.offset += int64(len(data))
	lines := strings.Split(f.rest+string(data), "\n")
	for _, one := range lines[:len(lines)-1] {
		line(one)
	}
	f.rest = lines[len(lines)-1]
	return nil
}
