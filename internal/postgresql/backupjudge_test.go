package postgresql

import (
	"strings"
	"testing"
	"time"
)

// day is a backup that ended so many hours before noon, the moment of the
// tests, and took so many minutes.
func day(label, kind string, hoursBefore, minutes float64, gib int64) Backup {
	stopped := noon().Add(-time.Duration(hoursBefore * float64(time.Hour)))
	return Backup{Label: label, Type: kind, Stopped: stopped, Started: stopped.Add(-time.Duration(minutes * float64(time.Minute))), DatabaseBytes: gib << 30}
}

func noon() time.Time { return time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) }

func TestBackupProblems(t *testing.T) {
	t.Parallel()
	limits := BackupLimits{RetentionDays: 3, WarnSizeGB: 500, WarnMinutes: 60}
	archived := noon().Add(-time.Minute)
	good := Archive{LastArchived: &archived}
	longAgo := noon().Add(-6 * time.Minute)
	bad := day("B", FullBackup, 1, 5, 10)
	bad.Bad = true
	for name, c := range map[string]struct {
		b    Backups
		want []string // part of each, in order
	}{
		"healthy":         {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 11, 5, 10), day("D", DifferentialBackup, 0.5, 1, 10)}}, nil},
		"nothing":         {Backups{Archive: good, Code: 2, Message: "no valid backups"}, []string{`"no valid backups"`, "no backup to restore"}},
		"not readable":    {Backups{Archive: good, Code: 99, Message: "[HostConnectError] timeout"}, []string{"[HostConnectError] timeout"}},
		"only a bad one":  {Backups{Archive: good, Backups: []Backup{bad}}, []string{"B holds pages that failed", "no backup to restore"}},
		"too old":         {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 27, 5, 10)}}, []string{"last backup is 27 h old"}},
		"not archived":    {Backups{Archive: Archive{LastArchived: &longAgo}, Backups: []Backup{day("F", FullBackup, 1, 5, 10)}}, []string{"no WAL was archived for 6 min"}},
		"archive fails":   {Backups{Archive: Archive{LastArchived: &archived, Failing: true}, Backups: []Backup{day("F", FullBackup, 1, 5, 10)}}, []string{"cannot be archived"}},
		"too large":       {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 1, 5, 501)}}, []string{"501 GiB, more than warn_size_gb (500)"}},
		"full too slow":   {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 11, 61, 10), day("D", DifferentialBackup, 0.5, 1, 10)}}, []string{"F took 61 min"}},
		"diff too slow":   {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 11, 5, 10), day("D", DifferentialBackup, 0.5, 70, 10)}}, []string{"D took 70 min"}},
		"grown":           {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 11, 5, 10), day("D", DifferentialBackup, 0.5, 1, 16)}}, []string{"from 10 to 16 GiB since backup F"}},
		"grown full":      {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 25, 5, 10), day("G", FullBackup, 1, 5, 16)}}, []string{"from 10 to 16 GiB since backup F"}},
		"small growth":    {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 11, 5, 1), day("D", DifferentialBackup, 0.5, 1, 2)}}, nil},
		"a gap of 37 h":   {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 47, 5, 10), day("G", FullBackup, 10, 5, 10)}}, []string{"kept for 3 d, and for 37 h after 2026-11-20T13:00:00Z"}},
		"a gap of 36 h":   {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 46, 5, 10), day("G", FullBackup, 10, 5, 10)}}, nil},
		"a gap until now": {Backups{Archive: good, Backups: []Backup{day("F", FullBackup, 40, 5, 10)}}, []string{"last backup is 40 h old", "for 40 h after"}},
	} {
		problems := c.b.Problems(limits, noon())
		if len(problems) != len(c.want) {
			t.Errorf("%s: %q, want %q", name, problems, c.want)
			continue
		}
		for i, want := range c.want {
			if !strings.Contains(problems[i], want) {
				t.Errorf("%s: %q, want %q", name, problems[i], want)
			}
		}
	}
}

func TestBackupProblemsWithoutLimits(t *testing.T) {
	t.Parallel()
	b := Backups{Backups: []Backup{day("F", FullBackup, 1, 600, 9000)}}
	if problems := b.Problems(BackupLimits{}, noon()); len(problems) != 0 {
		t.Errorf("%q", problems)
	}
}
