package emulator

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"infra/internal/fault"
)

//go:embed awsapi/*.py
var sources embed.FS

const (
	// startLimit is generous: importing moto takes a second on an idle
	// machine and many on a contended one.
	startLimit = 90 * time.Second
	stopLimit  = 10 * time.Second
	logName    = "emulator.log"
)

// Options says how to run an emulator.
type Options struct {
	// Dir is where the program is unpacked and its log goes; made when missing.
	Dir string
	// Python is the folder of the python that has moto: bin of the virtual
	// environment "moto".
	Python string
	// Port on 127.0.0.1.
	Port int
	// Account is the 12 digits that unknown credentials belong to.
	Account string
	// PublicCIDR is where elastic and public addresses come from.
	PublicCIDR string
	// Hosts holds instances in pending, stopping and shutting-down until
	// Client.ConfirmState; false lets them pass at once.
	Hosts bool
	// EnforceHostRoles judges what hosts do with the credentials of their
	// instance by the policies of their role. Other callers may do everything.
	EnforceHostRoles bool
	// EnforceRoles does the same for everybody who has assumed a role that
	// exists in the emulator. Operators, whose credentials are of no role, may
	// still do everything, assume any role included.
	EnforceRoles bool
}

// Process is a running emulator. It outlives infra unless Stop is called.
type Process struct {
	pid    int
	client *Client
	ended  chan struct{} // closed when the child has been waited for
}

// Start unpacks the program, starts it in a process group of its own and
// waits until it answers. The error's code is fault.Usage when the port is
// taken, fault.Failed when the program does not come up; then it is gone.
func Start(ctx context.Context, options Options) (*Process, error) {
	op := fmt.Sprintf("start the AWS emulator on port %d", options.Port)
	if err := checkPort(ctx, options.Port); err != nil {
		return nil, fault.New(fault.Usage, op, err,
			fmt.Sprintf("end what listens there (ss -ltnp 'sport = :%d' names it), or give the environment's endpoint another port", options.Port))
	}
	if err := unpack(options.Dir); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	command, err := launch(options)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	process := &Process{
		pid:    command.Process.Pid,
		client: NewClient(Endpoint(options.Port)),
		ended:  make(chan struct{}),
	}
	go func() {
		defer close(process.ended)
		// How it ended is in its log; that it ended is what matters here.
		_ = command.Wait()
	}()
	if err := process.awaitHealth(ctx); err != nil {
		log := tail(filepath.Join(options.Dir, logName))
		return nil, fault.New(fault.Failed, op, errors.Join(err, process.Stop()), log)
	}
	return process, nil
}

// Endpoint is the URL of an emulator on a port.
func Endpoint(port int) string {
	return "http://" + net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
}

// PID is the process id, which is also that of its process group.
func (p *Process) PID() int { return p.pid }

// Client speaks to the emulator.
func (p *Process) Client() *Client { return p.client }

// Done is closed when the process has ended.
func (p *Process) Done() <-chan struct{} { return p.ended }

// Stop ends the process and waits until it is gone. Stopping twice is no error.
func (p *Process) Stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		select {
		case <-p.ended:
			return nil
		default:
		}
		if err := syscall.Kill(-p.pid, signal); err != nil && !errors.Is(err, syscall.ESRCH) {
			return fmt.Errorf("stop the AWS emulator (process %d): %w", p.pid, err)
		}
		select {
		case <-p.ended:
			return nil
		case <-time.After(stopLimit):
		}
	}
	return fmt.Errorf("stop the AWS emulator: process %d does not end", p.pid)
}

func checkPort(ctx context.Context, port int) error {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return fmt.Errorf("port %d is in use: %w", port, err)
	}
	return listener.Close()
}

// unpack writes the program below dir, and removes files of another version.
func unpack(dir string) error {
	if err := os.RemoveAll(filepath.Join(dir, "awsapi")); err != nil {
		return err
	}
	return fs.WalkDir(sources, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := filepath.Join(dir, path)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		data, err := sources.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, data, 0o600)
	})
}

// launch starts the program with an environment of its own: nothing of the
// caller's AWS or Python settings may reach it.
func launch(options Options) (command *exec.Cmd, err error) {
	log, err := os.OpenFile(filepath.Join(options.Dir, logName), os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, log.Close()) }()
	// The child must outlive the context: the sandbox stays up after infra ends.
	command = exec.Command(filepath.Join(options.Python, "python"), "-s", "-m", "awsapi", //nolint:noctx // it outlives the context
		"--port", strconv.Itoa(options.Port), "--folder", options.Dir)
	command.Dir = options.Dir
	command.Stdout, command.Stderr = log, log
	command.Env = []string{
		"PATH=" + os.Getenv("PATH"),
		"HOME=" + options.Dir,
		"LANG=C.UTF-8",
		"TZ=UTC",
		"PYTHONUNBUFFERED=1",
		"MOTO_ACCOUNT_ID=" + options.Account,
		"SANDBOX_PUBLIC_CIDR=" + options.PublicCIDR,
		"SANDBOX_HOSTS=" + digit(options.Hosts),
		"SANDBOX_ENFORCE_HOST_ROLES=" + digit(options.EnforceHostRoles),
		"SANDBOX_ENFORCE_ROLES=" + digit(options.EnforceRoles),
	}
	// A session, and so a process group, of its own: neither Ctrl-C nor a closed
	// terminal reaches it, nor does infra's death.
	command.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = command.Start()
	return command, err
}

func digit(value bool) string {
	if value {
		return "1"
	}
	return "0"
}

func (p *Process) awaitHealth(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startLimit)
	defer cancel()
	ticker := time.NewTicker(50 * time.Millisecond)
	defer ticker.Stop()
	for {
		health, err := p.client.Health(ctx)
		if err == nil && health.PID == p.pid {
			return nil
		}
		select {
		case <-p.ended:
			return errors.New("the program ended at once")
		case <-ctx.Done():
			return fmt.Errorf("it does not answer: %w", ctx.Err())
		case <-ticker.C:
		}
	}
}

// tail is the last lines of the log, for the person who must find out why.
func tail(path string) string {
	file, err := os.Open(path)
	if err != nil {
		return "look into " + path
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(io.LimitReader(file, 1<<20))
	if err != nil || len(bytes.TrimSpace(data)) == 0 {
		return "look into " + path
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return "its log (" + path + ") ends with: " + strings.Join(lines[max(0, len(lines)-5):], "\n")
}
