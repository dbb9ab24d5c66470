package postgresql

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"sync"
	"time"

	"infra/internal/inventory"
)

// Kinds of backups, as pgBackRest names them.
const (
	FullBackup         = "full"
	DifferentialBackup = "diff"
)

// Stanza is the name under which pgBackRest knows the cluster.
const Stanza = "main"

// archiverSQL asks a server how archiving goes, in one JSON object.
const archiverSQL = `SELECT json_build_object('in_recovery', pg_is_in_recovery(), 'failures', failed_count,
  'last', extract(epoch FROM last_archived_time), 'last_failure', extract(epoch FROM last_failed_time)) FROM pg_stat_archiver`

// Backups is what the repository holds and how archiving goes.
type Backups struct {
	Host     string   `json:"host"`    // that was asked
	Code     int      `json:"code"`    // pgBackRest's status: 0 is good
	Message  string   `json:"message"` // in its words
	Running  *Running `json:"running"` // the backup that is being made on that host, if any
	Backups  []Backup `json:"backups"` // oldest first
	Archive  Archive  `json:"archive"`
	Warnings []string `json:"warnings"` // filled by whoever judges
}

// Running is a backup that is being made.
type Running struct {
	Percent float64 `json:"percent"` // of the bytes to copy
}

// Backup is a finished backup.
type Backup struct {
	Label           string    `json:"label"`
	Type            string    `json:"type"`
	Started         time.Time `json:"started"`
	Stopped         time.Time `json:"stopped"`
	DatabaseBytes   int64     `json:"database_bytes"`   // of the whole database then
	RepositoryBytes int64     `json:"repository_bytes"` // that this backup added to the repository
	Needs           []string  `json:"needs"`            // labels of the backups that it cannot be restored without
	FirstWAL        string    `json:"first_wal"`
	LastWAL         string    `json:"last_wal"` // its first 8 digits are the timeline
	Bad             bool      `json:"bad"`      // pages failed their checksums
}

// Took is how long it took to make.
func (b Backup) Took() time.Duration { return b.Stopped.Sub(b.Started) }

// Archive is the WAL in the repository.
type Archive struct {
	First        string     `json:"first"`
	Last         string     `json:"last"`
	Failures     int64      `json:"failures"`      // of the primary, since its statistics began
	LastArchived *time.Time `json:"last_archived"` // by the primary; nothing when that is unknown
	Failing      bool       `json:"failing"`       // the last try failed
}

// ReadBackups asks pgBackRest and the server on one host, best the primary:
// only that one knows how archiving goes.
func ReadBackups(ctx context.Context, run Run, host inventory.Host) (Backups, error) {
	output, err := run(ctx, host, nil, infoCommand()...)
	if err != nil {
		return Backups{}, tooLong(err)
	}
	b, err := parseBackups(output)
	b.Host = host.Name
	if err != nil {
		return b, err
	}
	output, err = run(ctx, host, nil, "sudo", "-n", "-u", "postgres", "env", "PGCONNECT_TIMEOUT=5",
		"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", archiverSQL)
	if err != nil {
		return b, nil //nolint:nilerr // the backups are known even where the server is down, and that is told elsewhere
	}
	return b, b.Archive.observe(output)
}

// infoPatience is how many seconds pgBackRest may take to read the
// repository: left alone it tries for many minutes while S3 is away.
const infoPatience = 90

func infoCommand() []string {
	return []string{"sudo", "-n", "-u", "postgres", "timeout", strconv.Itoa(infoPatience), "pgbackrest", "--stanza=" + Stanza, "--repo=1", "--output=json", "info"}
}

// tooLong says in words what the exit code of timeout means.
func tooLong(err error) error {
	var ended interface{ ExitCode() int }
	if errors.As(err, &ended) && ended.ExitCode() == 124 {
		return fmt.Errorf("the repository could not be read in %d s: is S3 within the host's reach?", infoPatience)
	}
	return err
}

// observe takes in the answer to archiverSQL. A standby archives nothing.
func (a *Archive) observe(output []byte) error {
	var answer struct {
		InRecovery  bool     `json:"in_recovery"`
		Failures    int64    `json:"failures"`
		Last        *float64 `json:"last"`
		LastFailure *float64 `json:"last_failure"`
	}
	if err := json.Unmarshal(output, &answer); err != nil {
		return fmt.Errorf("the server's answer cannot be read: %w", err)
	}
	if answer.InRecovery {
		return nil
	}
	a.Failures = answer.Failures
	if answer.Last != nil {
		at := time.UnixMilli(int64(*answer.Last * 1000)).UTC()
		a.LastArchived = &at
	}
	a.Failing = answer.LastFailure != nil && (answer.Last == nil || *answer.LastFailure > *answer.Last)
	return nil
}

// stanza is the part of `pgbackrest info --output=json` that is read.
type stanza struct {
	Name   string `json:"name"`
	Status struct {
		Code    int    `json:"code"`
		Message string `json:"message"`
		Lock    struct {
			Backup struct {
				Held    bool    `json:"held"`
				Percent float64 `json:"pct-cplt"` // in hundredths of a per cent
			} `json:"backup"`
		} `json:"lock"`
	} `json:"status"`
	Repositories []struct {
		Status struct {
			Message string `json:"message"`
		} `json:"status"`
	} `json:"repo"`
	Archive []struct {
		Min *string `json:"min"`
		Max *string `json:"max"`
	} `json:"archive"`
	Backup []struct {
		Label     string   `json:"label"`
		Type      string   `json:"type"`
		Reference []string `json:"reference"`
		Error     bool     `json:"error"`
		Archive   struct {
			Start string `json:"start"`
			Stop  string `json:"stop"`
		} `json:"archive"`
		Info struct {
			Size       int64 `json:"size"`
			Repository struct {
				Delta int64 `json:"delta"`
			} `json:"repository"`
		} `json:"info"`
		Timestamp struct {
			Start int64 `json:"start"`
			Stop  int64 `json:"stop"`
		} `json:"timestamp"`
	} `json:"backup"`
}

// codeOther is pgBackRest's status when it could not read the repository: its
// list of backups is empty then, which says nothing.
const codeOther = 99

// parseBackups reads what `pgbackrest info --output=json` wrote.
func parseBackups(output []byte) (Backups, error) {
	b := Backups{Backups: []Backup{}, Warnings: []string{}}
	var stanzas []stanza
	if err := json.Unmarshal(output, &stanzas); err != nil {
		return b, fmt.Errorf("what pgBackRest says cannot be read: %w", err)
	}
	if len(stanzas) == 0 {
		return b, errors.New("pgBackRest knows no stanza " + Stanza)
	}
	s := stanzas[0]
	b.Code, b.Message = s.Status.Code, s.Status.Message
	if b.Code == codeOther && len(s.Repositories) > 0 {
		b.Message = s.Repositories[0].Status.Message
	}
	if lock := s.Status.Lock.Backup; lock.Held {
		b.Running = &Running{Percent: lock.Percent / 100}
	}
	for _, raw := range s.Backup {
		needs := raw.Reference
		if needs == nil {
			needs = []string{}
		}
		b.Backups = append(b.Backups, Backup{
			Label: raw.Label, Type: raw.Type, Bad: raw.Error, Needs: needs, FirstWAL: raw.Archive.Start, LastWAL: raw.Archive.Stop,
			Started: time.Unix(raw.Timestamp.Start, 0).UTC(), Stopped: time.Unix(raw.Timestamp.Stop, 0).UTC(),
			DatabaseBytes: raw.Info.Size, RepositoryBytes: raw.Info.Repository.Delta,
		})
	}
	for _, archive := range s.Archive { // the last one is that of the server as it is now
		if archive.Min != nil && archive.Max != nil {
			b.Archive.First, b.Archive.Last = *archive.Min, *archive.Max
		}
	}
	return b, nil
}

// DataHosts are the hosts that hold the database: all but the witness.
func DataHosts(inv *inventory.Inventory) []inventory.Host {
	var hosts []inventory.Host
	for _, h := range inv.Layer("postgresql") {
		if h.Role != Witness {
			hosts = append(hosts, h)
		}
	}
	return hosts
}

// PrimaryHost is the one of the data hosts whose server takes writes. Where
// there is none, or more than one, the error says what each answered.
func PrimaryHost(ctx context.Context, run Run, hosts []inventory.Host) (inventory.Host, error) {
	answers := make([]string, len(hosts))
	var group sync.WaitGroup
	for i, h := range hosts {
		group.Go(func() {
			output, err := run(ctx, h, nil, "sudo", "-n", "-u", "postgres", "env", "PGCONNECT_TIMEOUT=5",
				"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-d", "postgres", "-c", "SELECT CASE WHEN pg_is_in_recovery() THEN 'standby' ELSE 'primary' END")
			if answers[i] = strings.TrimSpace(string(output)); err != nil {
				answers[i] = err.Error()
			}
		})
	}
	group.Wait()
	var primaries []inventory.Host
	var told []string
	for i, h := range hosts {
		told = append(told, h.Name+": "+answers[i])
		if answers[i] == Primary {
			primaries = append(primaries, h)
		}
	}
	if len(primaries) != 1 {
		return inventory.Host{}, fmt.Errorf("there must be exactly one primary (%s)", strings.Join(told, "; "))
	}
	return primaries[0], nil
}
