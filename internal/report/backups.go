package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"infra/internal/console"
	"infra/internal/postgresql"
)

// BackupsDocument is `infra pg backups ENV --output json`.
type BackupsDocument struct {
	Schema        string `json:"schema"` // infra/pg-backups/v1
	Environment   string `json:"environment"`
	RetentionDays int    `json:"retention_days"`
	postgresql.Backups
}

// BackupDocument is `infra pg backup ENV --output json`.
type BackupDocument struct {
	Schema      string            `json:"schema"` // infra/pg-backup/v1
	Environment string            `json:"environment"`
	Host        string            `json:"host"` // that made it
	Backup      postgresql.Backup `json:"backup"`
	Warnings    []string          `json:"warnings"`
}

// BackupsText is the repository for people: a table, the archive, and what is
// wrong with them.
func BackupsText(environment string, retentionDays int, b postgresql.Backups, now time.Time) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%s: %s, kept for %d d, as %s sees them\n\n", environment, console.Count(len(b.Backups), "backup"), retentionDays, b.Host)
	if len(b.Backups) > 0 {
		rows := [][]string{{"LABEL", "TYPE", "ENDED", "TOOK", "DATABASE", "ADDED", "TIMELINE", "STATE"}}
		for _, backup := range b.Backups {
			rows = append(rows, backupRow(backup))
		}
		text.WriteString(console.Columns(rows) + "\n")
	}
	text.WriteString(archiveText(b.Archive, now))
	if b.Running != nil {
		fmt.Fprintf(&text, "a backup is being made: %.0f%%\n", b.Running.Percent)
	}
	if len(b.Warnings) > 0 {
		text.WriteString("\nwarnings\n")
	}
	for _, warning := range b.Warnings {
		text.WriteString("  " + warning + "\n")
	}
	return text.String()
}

// BackupText is what a backup made, for people.
func BackupText(d BackupDocument) string {
	rows := [][]string{{"LABEL", "TYPE", "ENDED", "TOOK", "DATABASE", "ADDED", "TIMELINE", "STATE"}, backupRow(d.Backup)}
	text := console.Columns(rows)
	if len(d.Warnings) > 0 {
		text += "\nwarnings\n  " + strings.Join(d.Warnings, "\n  ") + "\n"
	}
	return text
}

func backupRow(b postgresql.Backup) []string {
	timeline := "-"
	if number, err := strconv.ParseUint(b.LastWAL[:min(8, len(b.LastWAL))], 16, 32); err == nil {
		timeline = strconv.FormatUint(number, 10)
	}
	state := "good"
	if b.Bad {
		state = "bad pages"
	}
	return []string{b.Label, b.Type, stamp(b.Stopped), console.Elapsed(b.Took()), bytes(b.DatabaseBytes), bytes(b.RepositoryBytes), timeline, state}
}

func archiveText(a postgresql.Archive, now time.Time) string {
	if a.Last == "" {
		return "no WAL is archived\n"
	}
	text := "WAL from " + a.First + " to " + a.Last
	if a.LastArchived != nil {
		text += ", the last " + console.Elapsed(max(0, now.Sub(*a.LastArchived))) + " ago"
	}
	return text + "\n"
}

// bytes is a size for people.
func bytes(n int64) string {
	for _, unit := range []string{"B", "KiB", "MiB", "GiB"} {
		if n < 10<<10 {
			return fmt.Sprintf("%d %s", n, unit)
		}
		n >>= 10
	}
	return fmt.Sprintf("%d TiB", n)
}
