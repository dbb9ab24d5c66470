package report

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"infra/internal/postgresql"
)

func aBackup(label, wal string) postgresql.Backup {
	started := time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)
	return postgresql.Backup{
		Label: label, Type: postgresql.FullBackup, Started: started, Stopped: started.Add(75 * time.Second), DatabaseBytes: 31026033, RepositoryBytes: 3809344,
		Needs: []string{}, FirstWAL: wal, LastWAL: wal,
	}
}

func TestBackupsText(t *testing.T) {
	now := time.Date(2026, 11, 22, 1, 2, 0, 0, time.UTC)
	archived := now.Add(-30 * time.Second)
	bad := aBackup("20261122-010000F_20261122-020000D", "0000000A0000000000000007")
	bad.Bad = true
	text := BackupsText("prod", 3, postgresql.Backups{
		Host: "postgresql-1", Backups: []postgresql.Backup{aBackup("20261122-010000F", "000000010000000000000003"), bad}, Running: &postgresql.Running{Percent: 45.4},
		Archive: postgresql.Archive{First: "000000010000000000000001", Last: "0000000A0000000000000007", LastArchived: &archived}, Warnings: []string{"the last backup is 27 h old"},
	}, now)
	for _, want := range []string{
		"prod: 2 backups, kept for 3 d, as postgresql-1 sees them\n",
		"20261122-010000F                   full  2026-11-22 01:01:15Z  1m15s  29 MiB    3720 KiB  1         good\n",
		"10        bad pages\n", "WAL from 000000010000000000000001 to 0000000A0000000000000007, the last 30s ago\n", "a backup is being made: 45%\n", "\nwarnings\n  the last backup is 27 h old\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if text := BackupsText("prod", 3, postgresql.Backups{Host: "postgresql-2"}, now); !strings.Contains(text, "prod: 0 backups") || !strings.Contains(text, "no WAL is archived\n") {
		t.Errorf("an empty repository says\n%s", text)
	}
}

func TestBackupsDocument(t *testing.T) {
	text, err := json.Marshal(BackupsDocument{Schema: "infra/pg-backups/v1", Environment: "prod", RetentionDays: 3, Backups: postgresql.Backups{Backups: []postgresql.Backup{}, Warnings: []string{}}})
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`"schema":"infra/pg-backups/v1"`, `"retention_days":3`, `"backups":[]`, `"running":null`, `"last_archived":null`, `"warnings":[]`} {
		if !strings.Contains(string(text), want) {
			t.Errorf("no %s in %s", want, text)
		}
	}
}

func TestBackupText(t *testing.T) {
	text := BackupText(BackupDocument{Backup: aBackup("20261122-010000F", ""), Warnings: []string{"WAL cannot be archived"}})
	if !strings.Contains(text, "20261122-010000F") || !strings.HasSuffix(text, "\nwarnings\n  WAL cannot be archived\n") {
		t.Errorf("it says\n%s", text)
	}
}
