package snapshot

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/inventory"
)

// The ways to make the database stand still for the last snapshot.
const (
	Freeze = "freeze" // CHECKPOINT, then no write reaches the volume until the snapshot is pending
	Stop   = "stop"   // the server is stopped cleanly
)

// stillness keeps a database from changing. Whatever becomes of infra, the
// host itself ends it: a timer of its systemd is started before anything else.
type stillness struct {
	run   Run
	host  inventory.Host
	mount Mount
	way   string
	limit time.Duration
	id    string // of this run, for the timer's name
	keep  bool   // Stop: the server stays stopped afterwards

	unit string // of the server, for Stop
}

// begin makes the database stand still. On an error it does not.
func (s *stillness) begin(ctx context.Context) error {
	if s.way == Stop {
		return s.stop(ctx)
	}
	if err := s.statement(ctx, "CHECKPOINT"); err != nil {
		return fmt.Errorf("checkpoint on %s: %w", s.host.Name, err)
	}
	if err := s.arm(ctx, "fsfreeze", "--unfreeze", s.mount.Path); err != nil {
		return err
	}
	if err := s.root(ctx, "fsfreeze", "--freeze", s.mount.Path); err != nil {
		return errors.Join(fmt.Errorf("freeze %s on %s: %w", s.mount.Path, s.host.Name, err), s.thaw(ctx, true))
	}
	return nil
}

// end lets the database go on. Its error says that it went on by itself before,
// which the snapshot cannot be trusted after, or that it still stands still,
// which the timer ends.
func (s *stillness) end(ctx context.Context) error {
	if s.way == Stop {
		return s.start(ctx)
	}
	return s.thaw(ctx, false)
}

// thaw ends the freeze, whatever has become of the context.
func (s *stillness) thaw(ctx context.Context, perhaps bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Minute)
	defer cancel()
	if err := s.root(ctx, "fsfreeze", "--unfreeze", s.mount.Path); err != nil && !perhaps {
		return fmt.Errorf("unfreeze %s on %s (its own timer does so after %s): %w", s.mount.Path, s.host.Name, s.limit, err)
	}
	return s.disarm(ctx)
}

// stop stops the server cleanly. On the primary nobody may take over.
func (s *stillness) stop(ctx context.Context) error {
	output, err := s.run(ctx, s.host, nil, "systemctl", "list-units", "--type=service", "--state=active", "--plain", "--no-legend", "postgresql@*")
	if err != nil {
		return fmt.Errorf("find the server on %s: %w", s.host.Name, err)
	}
	fields := strings.Fields(string(output))
	if len(fields) == 0 || !strings.HasPrefix(fields[0], "postgresql@") {
		return fmt.Errorf("no server runs on %s", s.host.Name)
	}
	s.unit = fields[0]
	if err := s.repmgr(ctx, "pause"); err != nil {
		return err
	}
	if err := s.arm(ctx, "systemctl", "start", s.unit); err != nil {
		return errors.Join(err, s.repmgr(ctx, "unpause"))
	}
	if err := s.root(ctx, "systemctl", "stop", s.unit); err != nil {
		return errors.Join(fmt.Errorf("stop the server on %s: %w", s.host.Name, err), s.start(ctx))
	}
	if err := s.root(ctx, "sync", "--file-system", s.mount.Path); err != nil {
		return errors.Join(fmt.Errorf("flush %s on %s: %w", s.mount.Path, s.host.Name, err), s.start(ctx))
	}
	return nil
}

// start starts the server again, unless it is to stay stopped for good.
func (s *stillness) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Minute)
	defer cancel()
	running := s.root(ctx, "systemctl", "is-active", "--quiet", s.unit) == nil
	if err := s.disarm(ctx); err != nil {
		return err
	}
	if running {
		return errors.Join(fmt.Errorf("the server on %s was started again before the snapshot had begun", s.host.Name), s.repmgr(ctx, "unpause"))
	}
	if s.keep {
		return nil
	}
	if err := s.root(ctx, "systemctl", "start", s.unit); err != nil {
		return fmt.Errorf("start the server on %s again: %w", s.host.Name, err)
	}
	return s.repmgr(ctx, "unpause")
}

// repmgr keeps repmgrd from taking the standstill for a failure.
func (s *stillness) repmgr(ctx context.Context, what string) error {
	_, err := s.run(ctx, s.host, nil, "sudo", "-n", "-u", "postgres", "repmgr", "-f", "/etc/repmgr.conf", "service", what)
	if err != nil {
		return fmt.Errorf("%s repmgrd: %w", what, err)
	}
	return nil
}

// timer is the name of the unit on the host that ends the standstill.
func (s *stillness) timer() string { return "infra-snapshot-" + s.id }

// arm starts the timer that ends the standstill.
func (s *stillness) arm(ctx context.Context, command ...string) error {
	argv := []string{
		"systemd-run", "--quiet", "--collect", "--unit=" + s.timer(), fmt.Sprintf("--on-active=%dms", s.limit.Milliseconds()),
		"--timer-property=AccuracySec=100ms", "--",
	}
	if err := s.root(ctx, append(argv, command...)...); err != nil {
		return fmt.Errorf("set the timer that ends the standstill of %s: %w", s.host.Name, err)
	}
	return nil
}

// disarm stops the timer; one that has expired is gone already.
func (s *stillness) disarm(ctx context.Context) error {
	if err := s.root(ctx, "systemctl", "is-active", "--quiet", s.timer()+".timer"); err != nil {
		return nil //nolint:nilerr // it has expired
	}
	return s.root(ctx, "systemctl", "stop", s.timer()+".timer")
}

func (s *stillness) statement(ctx context.Context, text string) error {
	_, err := s.run(ctx, s.host, strings.NewReader(text+";\n"), "sudo", "-n", "-u", "postgres", "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres")
	return err
}

func (s *stillness) root(ctx context.Context, argv ...string) error {
	_, err := s.run(ctx, s.host, nil, append([]string{"sudo", "-n"}, argv...)...)
	return err
}
