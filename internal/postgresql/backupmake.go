package postgresql

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/inventory"
)

// progressInterval is how often a running backup is looked at.
const progressInterval = 3 * time.Second

// failureMark is where the hosts' program leaves why the last backup failed.
const failureMark = "/var/lib/infra-postgresql/backup-failed"

// MakeBackup has the primary's host make a backup, tells how far it is, and
// returns what was made. It is the timer's own unit that runs: a backup that
// nobody waits for any more goes on, and two never run at once.
func MakeBackup(ctx context.Context, run Run, primary inventory.Host, kind string, tell func(string)) (Backup, error) {
	before, err := ReadBackups(ctx, run, primary)
	if err != nil {
		return Backup{}, err
	}
	if before.Code == codeOther {
		return Backup{}, errors.New(before.Message)
	}
	ended := make(chan error, 1)
	go func() {
		_, err := run(ctx, primary, nil, "sudo", "-n", "systemctl", "start", "infra-postgresql-backup-"+kind+".service")
		ended <- err
	}()
	err = watchBackup(ctx, run, primary, ended, tell)
	if ctx.Err() != nil {
		return Backup{}, fmt.Errorf("stopped waiting; the host goes on with the backup: %w", context.Cause(ctx))
	}
	if err != nil {
		return Backup{}, whyFailed(ctx, run, primary, err)
	}
	after, err := ReadBackups(ctx, run, primary)
	if err != nil {
		return Backup{}, err
	}
	made, ok := after.since(before)
	if !ok {
		return Backup{}, errors.New("the host made no backup; journalctl -u infra-postgresql-backup-" + kind + " says why")
	}
	return made, nil
}

// watchBackup waits for the unit's end and tells meanwhile how much of the
// database is copied.
func watchBackup(ctx context.Context, run Run, host inventory.Host, ended <-chan error, tell func(string)) error {
	ticker := time.NewTicker(progressInterval)
	defer ticker.Stop()
	for {
		select {
		case err := <-ended:
			return err
		case <-ticker.C:
		}
		output, err := run(ctx, host, nil, infoCommand()...)
		if err != nil {
			continue // the backup itself says what is wrong
		}
		if b, err := parseBackups(output); err == nil && b.Running != nil {
			tell(fmt.Sprintf("%.0f%%", b.Running.Percent))
		}
	}
}

// since is the newest backup that was not there before.
func (b Backups) since(before Backups) (Backup, bool) {
	known := map[string]bool{}
	for _, backup := range before.Backups {
		known[backup.Label] = true
	}
	for i := len(b.Backups) - 1; i >= 0; i-- {
		if !known[b.Backups[i].Label] {
			return b.Backups[i], true
		}
	}
	return Backup{}, false
}

// whyFailed puts pgBackRest's own words into the error of a failed unit.
func whyFailed(ctx context.Context, run Run, host inventory.Host, failure error) error {
	output, err := run(ctx, host, nil, "sudo", "-n", "-u", "postgres", "cat", failureMark)
	if said := strings.TrimSpace(string(output)); err == nil && said != "" {
		return errors.New(said)
	}
	return failure
}
