package restore

import (
	"strings"
	"testing"
	"time"

	"infra/internal/postgresql"
)

const (
	healthy = `stanza: main
status: ok
  archiveId: 15-1, total WAL checked: 2, total valid WAL: 2
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
  backup: 20261122-155557F, status: valid, total files checked: 1282, total valid files: 1282
    missing: 0, checksum invalid: 0, size invalid: 0, other: 0
`
	flipped = `stanza: main
status: error
  backup: 20261122-155557F, status: invalid, total files checked: 1282, total valid files: 1281
    checksum invalid: 1
`
)

func TestParseIntegrity(t *testing.T) {
	for _, c := range []struct {
		name, output string
		ok           bool
		want         string
	}{
		{"healthy", healthy, true, ""},
		{"a flipped byte", flipped, false, "20261122-155557F: checksum invalid: 1"},
		{"a flipped byte, exit code 0 and all details", strings.Replace(healthy, "total valid files: 1282\n    missing: 0, checksum invalid: 0", "total valid files: 1281\n    missing: 0, checksum invalid: 1", 1), false, "1 of 1282 files"},
		{"damaged WAL", strings.Replace(healthy, "total valid WAL: 2\n    missing: 0, checksum invalid: 0", "total valid WAL: 1\n    missing: 0, checksum invalid: 1", 1), false, "the archived WAL: 1 of 2"},
		{"an error without details", "stanza: main\nstatus: error\n", false, "its status is error"},
		{"no backups", "stanza: main\nstatus: error\n  no backups exist in the repo\n", false, "no backups exist"},
		{"log lines between", "2026-11-22 16:00:00.000 P00   WARN: something\n" + healthy, true, ""},
		{"silence", "", false, "did not say"},
	} {
		found, err := ParseIntegrity(c.output)
		text := strings.Join(found.Problems, "; ")
		if err != nil {
			text = err.Error()
		}
		if found.OK != c.ok || !strings.Contains(text, c.want) {
			t.Errorf("%s: ok %v, %q, want %q", c.name, found.OK, text, c.want)
		}
		if check := judgeIntegrity(c.output); check.Passed != c.ok || check.Detail == "" {
			t.Errorf("%s: %+v", c.name, check)
		}
	}
}

func TestJudgeWAL(t *testing.T) {
	for _, c := range []struct {
		name   string
		r      Repository
		passed bool
		want   string
	}{
		{"whole", Repository{[]postgresql.Backup{backup(8, 9)}, archive(t, "1:8", "1:9", "1:10")}, true, "without a gap; can be restored: 2026-11-22T12:09:00Z to 2026-11-22T12:10:00Z"},
		{"a segment after the last backup", Repository{[]postgresql.Backup{backup(8, 9)}, archive(t, "1:8", "1:9", "1:11")}, false, "WAL segment 00000001000000000000000A is missing"},
		{"a segment that the backup needs", Repository{[]postgresql.Backup{backup(8, 9)}, archive(t, "1:9", "1:10")}, false, "b8 cannot be restored"},
		{"a segment between backups", Repository{[]postgresql.Backup{backup(1, 1), backup(5, 5)}, archive(t, "1:1", "1:3", "1:4", "1:5")}, false, "from b1 only moments up to 2026-11-22T12:01:00Z"},
		{"what a failed primary took with it, before the last backup", Repository{[]postgresql.Backup{backup(1, 1), {Label: "b5", FirstWAL: segment{2, 5}.String(), LastWAL: segment{2, 5}.String(), Stopped: noon.Add(5 * time.Minute)}}, archive(t, "1:1", "2:3", "2:4", "2:5")}, true, "WAL segment 000000010000000000000002 is missing"},
		{"what a failed primary took with it, after the last backup", Repository{[]postgresql.Backup{backup(1, 1)}, archive(t, "1:1", "2:3")}, false, "is missing"},
	} {
		check, err := judgeWAL(c.r)
		if err != nil || check.Passed != c.passed || !strings.Contains(check.Detail, c.want) {
			t.Errorf("%s: %+v, %v; want %v %q", c.name, check, err, c.passed, c.want)
		}
	}
}

func TestJudgeBackup(t *testing.T) {
	b := postgresql.Backup{Label: "b", Stopped: noon}
	if c := judgeAge(b, noon.Add(26*time.Hour), 26*time.Hour); !c.Passed {
		t.Errorf("at its limit: %+v", c)
	}
	if c := judgeAge(b, noon.Add(26*time.Hour+time.Minute), 26*time.Hour); c.Passed || c.Detail != "b is 26 h 1 min old, at most 26 h 0 min is allowed" {
		t.Errorf("over its limit: %+v", c)
	}
	if c := judgePages(b); !c.Passed {
		t.Errorf("%+v", c)
	}
	b.Bad = true
	if c := judgePages(b); c.Passed {
		t.Errorf("%+v", c)
	}
}

func TestJudgeCanaries(t *testing.T) {
	for answer, want := range map[string]bool{
		`{"rows":1000,"wrong":0,"ids":null}`: true, `{"rows":999,"wrong":1,"ids":"500"}`: false, `{"rows":1001,"wrong":1,"ids":"1001"}`: false, `{}`: false, "": false,
	} {
		if c := judgeCanaries(answer); c.Passed != want || c.Detail == "" {
			t.Errorf("%s: %+v", answer, c)
		}
	}
}

func TestLoss(t *testing.T) {
	for _, c := range []struct {
		primary, back string
		want          time.Duration
		fails         bool
	}{
		{"2026-11-22T12:00:10.5Z", "2026-11-22T12:00:00Z", 10500 * time.Millisecond, false},
		{"2026-11-22T12:00:00Z", "2026-11-22T12:00:09Z", 0, false}, // archived while the restore went on
		{"", "2026-11-22T12:00:00Z", 0, true},
		{"2026-11-22T12:00:00Z", "", 0, true},
	} {
		if got, err := lost(c.primary, c.back); got != c.want || (err != nil) != c.fails {
			t.Errorf("%+v: %s, %v", c, got, err)
		}
	}
	if judgeLoss(time.Minute, time.Minute).Passed != true || judgeLoss(61*time.Second, time.Minute).Passed {
		t.Error("the limit of what may be lost is not kept")
	}
}

func TestServerLog(t *testing.T) {
	progress := "P01 DETAIL: restore file /a (16MB, 42.31%) checksum 0\nP01 DETAIL: restore file /b (bundle 1/16, 8KB, 43.00%) checksum 1\n"
	if got := progressOf(progress); got != "43.00" || progressOf("INFO: begin") != "" {
		t.Errorf("progress is %q", got)
	}
	log := `2026 LOG:  restored log file "000000010000000000000008" from archive` + "\n" + `2026 LOG:  restored log file "000000010000000000000009" from archive` + "\n"
	if got := replaying(log); got != "000000010000000000000009" {
		t.Errorf("replaying %q", got)
	}
	for _, c := range []struct{ log, want string }{
		{"LOG:  last completed transaction was at log time 2026-11-22 16:00:01.5+00\nFATAL:  recovery ended before configured recovery target was reached\n", "ends with a transaction of 2026-11-22 16:00:01.5 UTC"},
		{"FATAL:  recovery ended before configured recovery target was reached\n", "ends before the moment"},
		{"LOG: x\n2026 [7] FATAL:  WAL ends before end of online backup\nLOG:  database system is shut down\n", "WAL ends before end of online backup"},
		{"something\nelse\n", "something; else"},
	} {
		if got := whyDown(c.log).Error(); !strings.Contains(got, c.want) {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestArguments(t *testing.T) {
	h := host{version: "15"}
	latest := strings.Join(order{set: "L"}.arguments(h), " ")
	if want := "pgbackrest --stanza=main --log-level-console=detail --archive-mode=off --tablespace-map-all=/var/lib/postgresql/15/tablespaces --set=L restore"; latest != want {
		t.Errorf("%s\nwant %s", latest, want)
	}
	to := noon.Add(1500 * time.Millisecond)
	moment := order{to: &to}.arguments(h)
	for _, want := range []string{"--type=time", "--target=2026-11-22 12:00:01.5+00", "--target-action=promote", "--archive-mode=off"} {
		if !strings.Contains(strings.Join(moment, "|"), want) {
			t.Errorf("no %q in %q", want, moment)
		}
	}
}

func TestReportText(t *testing.T) {
	rto := 12.34
	r := Report{Environment: "prod", Backup: "b", BackupAt: &noon, RTOSeconds: &rto, Checks: []Check{{Name: "a", Passed: true, Detail: "fine"}, {Name: "b", Detail: "broken"}}}
	text := r.Text()
	for _, want := range []string{"verify of prod: FAILED", "12.3 s", "ok    a: fine", "FAIL  b: broken"} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	if got := r.Failures(); len(got) != 1 || got[0] != "b: broken" {
		t.Errorf("failures %q", got)
	}
	for bytes, want := range map[int64]int{0: 4, 1: 5, 1 << 30: 6, 10 << 30: 19} {
		if got := volumeGB(bytes); got != want {
			t.Errorf("%d bytes get %d GB, want %d", bytes, got, want)
		}
	}
}
