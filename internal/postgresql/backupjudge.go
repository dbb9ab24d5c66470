package postgresql

import (
	"fmt"
	"slices"
	"time"
)

// BackupLimits are the environment's, beyond which somebody should know.
type BackupLimits struct {
	RetentionDays int
	WarnSizeGB    int
	WarnMinutes   int
}

// Limits that are those of the alarms, and how fast a database may grow from
// one full backup to the next before the disk and the schedule need a look.
const (
	oldestBackup   = 26 * time.Hour
	oldestArchived = 5 * time.Minute
	mostGrowth     = 1.5
	leastGrowth    = 1 << 30 // bytes; less than this is no growth worth a word
)

// Last is the newest good backup.
func (b Backups) Last() (Backup, bool) {
	good := b.good("")
	if len(good) == 0 {
		return Backup{}, false
	}
	return good[len(good)-1], true
}

// good are the backups that can be restored, of one type or of any.
func (b Backups) good(kind string) []Backup {
	var good []Backup
	for _, backup := range b.Backups {
		if !backup.Bad && (kind == "" || backup.Type == kind) {
			good = append(good, backup)
		}
	}
	return good
}

// Problems says what is, or soon will be, wrong with the backups. It is pure.
func (b Backups) Problems(limits BackupLimits, now time.Time) []string {
	problems := []string{}
	say := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if b.Code != 0 {
		say("the repository's status is %q", b.Message)
	}
	for _, backup := range b.Backups {
		if backup.Bad {
			say("backup %s holds pages that failed their checksums", backup.Label)
		}
	}
	b.archiveProblems(now, say)
	last, ok := b.Last()
	if !ok && b.Code == codeOther {
		return problems
	}
	if !ok {
		say("there is no backup to restore")
		return problems
	}
	if age := now.Sub(last.Stopped); age > oldestBackup {
		say("the last backup is %s old", hours(age))
	}
	b.costProblems(limits, last, say)
	b.retentionProblems(limits, now, say)
	return problems
}

func (b Backups) archiveProblems(now time.Time, say func(string, ...any)) {
	if b.Archive.Failing {
		say("WAL cannot be archived: the last try failed")
	}
	if at := b.Archive.LastArchived; at != nil && now.Sub(*at) > oldestArchived {
		say("no WAL was archived for %d min", int(now.Sub(*at).Minutes()))
	}
}

// costProblems looks at size, duration and growth.
func (b Backups) costProblems(limits BackupLimits, last Backup, say func(string, ...any)) {
	if limits.WarnSizeGB > 0 && last.DatabaseBytes > int64(limits.WarnSizeGB)<<30 {
		say("the database has %d GiB, more than warn_size_gb (%d)", last.DatabaseBytes>>30, limits.WarnSizeGB)
	}
	slowest := last
	fulls := b.good(FullBackup)
	if len(fulls) > 0 && fulls[len(fulls)-1].Took() > slowest.Took() {
		slowest = fulls[len(fulls)-1]
	}
	if limits.WarnMinutes > 0 && slowest.Took() > time.Duration(limits.WarnMinutes)*time.Minute {
		say("backup %s took %d min, more than warn_minutes (%d)", slowest.Label, int(slowest.Took().Minutes()), limits.WarnMinutes)
	}
	if len(fulls) == 0 || fulls[len(fulls)-1].Label == last.Label && len(fulls) == 1 {
		return
	}
	before := fulls[len(fulls)-1]
	if before.Label == last.Label {
		before = fulls[len(fulls)-2]
	}
	grown := last.DatabaseBytes - before.DatabaseBytes
	if grown > leastGrowth && float64(last.DatabaseBytes) > mostGrowth*float64(before.DatabaseBytes) {
		say("the database grew from %d to %d GiB since backup %s", before.DatabaseBytes>>30, last.DatabaseBytes>>30, before.Label)
	}
}

// retentionProblems compares how long backups are kept with the longest time
// that there was no good one: when that comes near, one more failure leaves
// nothing to restore from.
func (b Backups) retentionProblems(limits BackupLimits, now time.Time, say func(string, ...any)) {
	if limits.RetentionDays <= 0 {
		return
	}
	gap, since := b.longestGap(now)
	retention := time.Duration(limits.RetentionDays) * 24 * time.Hour
	if retention < 2*gap {
		say("backups are kept for %d d, and for %s after %s there was no good one: keep them for at least twice as long, or back up more often",
			limits.RetentionDays, hours(gap), since.Format(time.RFC3339))
	}
}

// longestGap is the longest time without a good backup, up to now, and when
// it began.
func (b Backups) longestGap(now time.Time) (gap time.Duration, since time.Time) {
	good := b.good("")
	slices.SortFunc(good, func(x, y Backup) int { return x.Stopped.Compare(y.Stopped) })
	for i, backup := range good {
		end := now
		if i+1 < len(good) {
			end = good[i+1].Stopped
		}
		if d := end.Sub(backup.Stopped); d > gap {
			gap, since = d, backup.Stopped
		}
	}
	return gap, since
}

func hours(d time.Duration) string {
	if d < 2*time.Hour {
		return fmt.Sprintf("%d min", int(d.Minutes()))
	}
	return fmt.Sprintf("%d h", int(d.Hours()))
}
