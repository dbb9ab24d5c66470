package restore

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"infra/internal/postgresql"
)

// noon is when the first segment of a test's archive was written; each further
// one comes a minute later.
var noon = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC) //nolint:gochecknoglobals // a constant that Go has no form for

// archive makes one of segments such as "1:8", timeline and number.
func archive(t *testing.T, places ...string) Archive {
	t.Helper()
	entries := map[string]map[string]any{".": {"type": "path"}, "archive.info": {"type": "file", "time": 1}}
	for _, place := range places {
		var s segment
		if _, err := fmt.Sscanf(place, "%d:%d", &s.timeline, &s.number); err != nil {
			t.Fatal(err)
		}
		name := s.String()
		at := noon.Add(time.Duration(s.number) * time.Minute).Unix()
		entries["15-1/"+name[:16]+"/"+name+"-"+strings.Repeat("0a", 20)+".zst"] = map[string]any{"type": "file", "time": at, "size": 9}
		entries["15-1/"+name[:16]+"/"+name+".00000028.backup"] = map[string]any{"type": "file", "time": at}
		entries["15-1/"+name[:8]+".history"] = map[string]any{"type": "file", "time": at}
	}
	raw, err := json.Marshal(entries)
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseArchive(raw)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// backup is one whose WAL are the segments from first to last of timeline 1,
// and that ended when the last was archived.
func backup(first, last uint64) postgresql.Backup {
	return postgresql.Backup{
		Label: fmt.Sprintf("b%d", first), FirstWAL: segment{1, first}.String(), LastWAL: segment{1, last}.String(),
		Stopped: noon.Add(time.Duration(last) * time.Minute),
	}
}

func TestParseArchiveOfPgBackRest(t *testing.T) {
	output, err := os.ReadFile("testdata/repo-ls.json")
	if err != nil {
		t.Fatal(err)
	}
	a, err := ParseArchive(output)
	if err != nil {
		t.Fatal(err)
	}
	last, gap, err := a.walk("000000010000000000000007")
	if err != nil || gap != nil || last.String() != "000000010000000000000009" || len(a.segments) != 3 {
		t.Errorf("last %s, gap %v, %v, %d segments", last, gap, err, len(a.segments))
	}
	if _, err := ParseArchive([]byte("no")); err == nil {
		t.Error("what is no JSON is taken for an archive")
	}
}

func TestParseArchiveTakesTheNewest(t *testing.T) {
	name := "000000010000000000000001"
	file := func(id, name string) string {
		return fmt.Sprintf(`"%s/%s/%s-%s.zst":{"type":"file","time":5}`, id, name[:16], name, strings.Repeat("0", 40))
	}
	for range 20 { // whatever order the map has
		a, err := ParseArchive([]byte("{" + file("14-1", name) + "," + file("15-2", "000000010000000000000009") + "}"))
		if err != nil || len(a.segments) != 1 || a.segments[segment{1, 9}].IsZero() {
			t.Fatalf("%v, %v", a, err)
		}
	}
}

func TestSegmentNames(t *testing.T) {
	for _, name := range []string{"000000010000000000000009", "0000000A000000FF000000FF"} {
		if s, err := parseSegment(name); err != nil || s.String() != name {
			t.Errorf("%s became %s, %v", name, s, err)
		}
	}
	if s := (segment{1, 256}); s.String() != "000000010000000100000000" {
		t.Errorf("segment 256 is called %s", s)
	}
	for _, name := range []string{"", "00000001000000000000000", "00000001000000000000000g"} {
		if _, err := parseSegment(name); err == nil {
			t.Errorf("%q is taken for a segment", name)
		}
	}
}

func TestWalk(t *testing.T) {
	for _, c := range []struct {
		name     string
		segments []string
		last     string
		gap      string
		failover bool
	}{
		{"whole", []string{"1:8", "1:9", "1:10"}, "1:10", "", false},
		{"one is missing", []string{"1:8", "1:10", "1:11"}, "1:8", "1:9-1:9", false},
		{"several are missing", []string{"1:8", "1:9", "1:12"}, "1:9", "1:10-1:11", false},
		{"the first is missing", []string{"1:9"}, "", "1:8-1:8", false},
		{"nothing is there", nil, "", "1:8-1:8", false},
		{"a failover that lost nothing", []string{"1:8", "1:9", "2:9", "2:10"}, "2:10", "", false},
		{"the old primary went on for a while", []string{"1:8", "1:9", "1:10", "1:11", "2:10", "2:11"}, "2:11", "", false},
		{"the old primary took WAL with it", []string{"1:8", "2:10", "2:11"}, "1:8", "1:9-1:9", true},
		{"two failovers in one segment", []string{"1:8", "1:9", "2:9", "3:9", "3:10"}, "3:10", "", false},
		{"a gap after the failover", []string{"1:8", "2:9", "2:11"}, "2:9", "2:10-2:10", false},
		{"across the names' middle part", []string{"1:8", "1:9"}, "1:9", "", false},
	} {
		last, gap, err := archive(t, c.segments...).walk(segment{1, 8}.String())
		if err != nil {
			t.Fatal(err)
		}
		got, seen := "", ""
		if last != (segment{}) {
			got = fmt.Sprintf("%d:%d", last.timeline, last.number)
		}
		if gap != nil {
			from, _ := parseSegment(gap.First)
			to, _ := parseSegment(gap.Last)
			seen = fmt.Sprintf("%d:%d-%d:%d", from.timeline, from.number, to.timeline, to.number)
		}
		if got != c.last || seen != c.gap || (gap != nil && gap.Failover != c.failover) {
			t.Errorf("%s: last %q, gap %q %+v; want %q, %q, failover %v", c.name, got, seen, gap, c.last, c.gap, c.failover)
		}
	}
}

func TestWindows(t *testing.T) {
	at := func(minute int) time.Time { return noon.Add(time.Duration(minute) * time.Minute) }
	for _, c := range []struct {
		name       string
		repository Repository
		want       []Window
	}{
		{"one backup", Repository{[]postgresql.Backup{backup(8, 9)}, archive(t, "1:8", "1:9", "1:10")}, []Window{{at(9), at(10)}}},
		{"two, no gap", Repository{[]postgresql.Backup{backup(1, 1), backup(3, 3)}, archive(t, "1:1", "1:2", "1:3", "1:4")}, []Window{{at(1), at(4)}}},
		{"a gap between them", Repository{[]postgresql.Backup{backup(1, 1), backup(5, 5)}, archive(t, "1:1", "1:2", "1:5", "1:6")}, []Window{{at(1), at(2)}, {at(5), at(6)}}},
		{"its own WAL is missing", Repository{[]postgresql.Backup{backup(8, 9)}, archive(t, "1:8", "1:10")}, nil},
	} {
		got, err := c.repository.Windows()
		if err != nil || fmt.Sprint(got) != fmt.Sprint(c.want) {
			t.Errorf("%s: %v, %v; want %v", c.name, got, err, c.want)
		}
	}
	windows := []Window{{at(1), at(2)}, {at(5), at(6)}}
	for minute, want := range map[int]string{0: "before the end of the oldest backup", 1: "", 2: "", 3: "in a gap", 5: "", 7: "after the last WAL"} {
		err := Allow(windows, at(minute))
		if (want == "") != (err == nil) || (err != nil && (!strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "2026-11-22T12:05:00Z"))) {
			t.Errorf("minute %d: %v, want %q", minute, err, want)
		}
	}
	if Allow(nil, noon) == nil {
		t.Error("a moment is allowed that no backup has")
	}
}

func TestParseMoment(t *testing.T) {
	for _, text := range []string{"2026-11-22T12:00:00Z", "2026-11-22T13:00:00+01:00", "2026-11-22 12:00:00", "2026-11-22 12:00", "2026-11-22 12:00:00+00"} {
		if got, err := ParseMoment(text); err != nil || !got.Equal(noon) {
			t.Errorf("%s is %s, %v", text, got, err)
		}
	}
	if _, err := ParseMoment("yesterday"); err == nil {
		t.Error("yesterday is taken for a time")
	}
}
