package restore

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"infra/internal/postgresql"
)

// Limits are beyond what a backup that can be restored is a failure all the
// same.
type Limits struct {
	Age time.Duration // of the last backup
	RPO time.Duration // of what does not come back
}

// judgeAge minds a backup that is too old.
func judgeAge(b postgresql.Backup, now time.Time, limit time.Duration) Check {
	age := now.Sub(b.Stopped)
	c := Check{Name: "age of the backup", Passed: age <= limit, Detail: fmt.Sprintf("%s is %s old, at most %s is allowed", b.Label, span(age), span(limit))}
	if c.Passed {
		c.Detail = b.Label + " is " + span(age) + " old"
	}
	return c
}

// judgePages minds pages that were damaged before they were backed up.
func judgePages(b postgresql.Backup) Check {
	c := Check{Name: "pages backed up", Passed: !b.Bad, Detail: "every page had its checksum"}
	if b.Bad {
		c.Detail = b.Label + " holds pages that had a wrong checksum on the primary already"
	}
	return c
}

// judgeWAL looks for missing segments. pgBackRest's own verify does not notice
// them, and a server that finds one missing ends its recovery there without a
// word. What a failed primary took with it before the last backup was made is
// no failure: it cannot come back.
func judgeWAL(r Repository) (Check, error) {
	c := Check{Name: "WAL archive", Passed: true}
	var bad, lost []string
	seen := map[string]bool{}
	for i, b := range r.Backups {
		_, gap, err := r.Archive.walk(b.FirstWAL)
		if err != nil {
			return c, err
		}
		if gap == nil || seen[gap.First] {
			continue
		}
		seen[gap.First] = true
		text := gap.Text()
		if !gap.Until.IsZero() {
			text += ": from " + b.Label + " only moments up to " + Moment(gap.Until) + " can be restored"
		} else {
			text += ": " + b.Label + " cannot be restored"
		}
		if gap.Failover && i < len(r.Backups)-1 {
			lost = append(lost, text)
		} else {
			bad = append(bad, text)
		}
	}
	windows, err := r.Windows()
	if err != nil {
		return c, err
	}
	var possible []string
	for _, w := range windows {
		possible = append(possible, Moment(w.From)+" to "+Moment(w.To))
	}
	c.Passed = len(bad) == 0
	c.Detail = strings.Join(append(bad, lost...), "; ")
	if c.Detail == "" {
		c.Detail = "without a gap"
	}
	if len(possible) > 0 {
		c.Detail += "; can be restored: " + strings.Join(possible, ", ")
	}
	return c, nil
}

// judgeIntegrity judges what pgBackRest says of its files.
func judgeIntegrity(output string) Check {
	c := Check{Name: "files of the repository"}
	found, err := ParseIntegrity(output)
	switch {
	case err != nil:
		c.Detail = err.Error()
	case !found.OK:
		c.Detail = strings.Join(found.Problems, "; ")
	default:
		c.Passed, c.Detail = true, fmt.Sprintf("%d files and WAL segments are what was written", found.Checked)
	}
	return c
}

// canarySQL compares the canaries, rows that the primary makes once and never
// changes, with what they must be.
const canarySQL = `SELECT json_build_object(
  'rows', (SELECT count(*) FROM infra.canary),
  'wrong', (SELECT count(*) FROM generate_series(1, 1000) AS id FULL JOIN infra.canary AS c USING (id)
             WHERE c.payload IS DISTINCT FROM md5('infra-canary-' || id) OR id NOT BETWEEN 1 AND 1000),
  'ids', (SELECT string_agg(id::text, ', ') FROM (SELECT id FROM generate_series(1, 1000) AS id FULL JOIN infra.canary AS c USING (id)
             WHERE c.payload IS DISTINCT FROM md5('infra-canary-' || id) OR id NOT BETWEEN 1 AND 1000 ORDER BY id LIMIT 5) AS first))`

// judgeCanaries judges the answer to canarySQL.
func judgeCanaries(answer string) Check {
	c := Check{Name: "canary rows"}
	var found struct {
		Rows  int    `json:"rows"`
		Wrong int    `json:"wrong"`
		IDs   string `json:"ids"`
	}
	if err := json.Unmarshal([]byte(answer), &found); err != nil {
		c.Detail = "the server's answer cannot be read: " + err.Error()
		return c
	}
	c.Passed = found.Wrong == 0 && found.Rows == 1000
	c.Detail = "all 1000 are as they were written"
	if !c.Passed {
		c.Detail = fmt.Sprintf("%d of 1000 are there, missing or changed: %d (%s)", found.Rows, found.Wrong, found.IDs)
	}
	return c
}

// heartbeatSQL asks for the last heartbeat.
const heartbeatSQL = `SELECT to_char(max(at) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') FROM infra.heartbeat`

// lost is how much of the primary's heartbeat did not come back. WAL that was
// archived while the restore went on may bring back more than was asked for.
func lost(primary, restored string) (time.Duration, error) {
	then, err := time.Parse(time.RFC3339Nano, primary)
	if err != nil {
		return 0, errors.New("the primary has no heartbeat")
	}
	now, err := time.Parse(time.RFC3339Nano, restored)
	if err != nil {
		return 0, errors.New("no heartbeat came back")
	}
	return max(0, then.Sub(now)), nil
}

// judgeLoss judges what did not come back.
func judgeLoss(loss, limit time.Duration) Check {
	c := Check{Name: "loss", Passed: loss <= limit, Detail: fmt.Sprintf("the last %.1f s of the primary did not come back", loss.Seconds())}
	if !c.Passed {
		c.Detail += fmt.Sprintf(", at most %s are allowed", span(limit))
	}
	return c
}

// span is a duration for people, in the two units that matter.
func span(d time.Duration) string {
	switch {
	case d < time.Minute:
		return fmt.Sprintf("%.0f s", d.Seconds())
	case d < time.Hour:
		return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h %d min", int(d.Hours()), int(d.Minutes())%60)
	default:
		return fmt.Sprintf("%d days %d h", int(d.Hours())/24, int(d.Hours())%24)
	}
}
