// Package restore brings a database back from its backups onto a host of its
// own, and proves regularly that this works: a backup counts for what came
// out of it, and for nothing else.
//
// Which WAL the repository has is read from pgBackRest (archive.go), and which
// moments can be restored follows from that (window.go). The host is a guest
// of package provision; the programs on it run as units of systemd, so that a
// lost connection ends nothing (job.go). Verify restores the last backup to a
// host that it removes again, and judges what it finds.
package restore

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"time"
)

// segmentsPerFile is how many segments of 16 MiB, PostgreSQL's default size,
// have the same middle part in their names.
const segmentsPerFile = 256

// segment is a place in the WAL: the sequence goes on over timelines.
type segment struct {
	timeline uint64
	number   uint64
}

func (s segment) String() string {
	return fmt.Sprintf("%08X%08X%08X", s.timeline, s.number/segmentsPerFile, s.number%segmentsPerFile)
}

// parseSegment reads the name of a WAL segment.
func parseSegment(name string) (segment, error) {
	var parts [3]uint64
	if len(name) != 24 {
		return segment{}, fmt.Errorf("%q is no name of a WAL segment", name)
	}
	for i := range parts {
		part, err := strconv.ParseUint(name[i*8:i*8+8], 16, 32)
		if err != nil {
			return segment{}, fmt.Errorf("%q is no name of a WAL segment", name)
		}
		parts[i] = part
	}
	return segment{timeline: parts[0], number: parts[1]*segmentsPerFile + parts[2]}, nil
}

// Archive is the WAL in the repository: when each segment got there.
type Archive struct {
	segments map[segment]time.Time
	starts   map[uint64][]uint64 // by number: the timelines that begin there
}

// ParseArchive reads `pgbackrest repo-ls --recurse --output=json archive/main`.
// Of several archives it takes the newest: that of the cluster as it is.
func ParseArchive(output []byte) (Archive, error) {
	var entries map[string]struct {
		Type string `json:"type"`
		Time int64  `json:"time"`
	}
	if err := json.Unmarshal(output, &entries); err != nil {
		return Archive{}, fmt.Errorf("what pgBackRest says of the archive cannot be read: %w", err)
	}
	file := regexp.MustCompile(`^[0-9]+-([0-9]+)/[0-9A-F]{16}/([0-9A-F]{24})-[0-9a-f]{40}(\.[a-z0-9]+)?$`)
	a, newest := Archive{segments: map[segment]time.Time{}}, 0
	for path, entry := range entries {
		match := file.FindStringSubmatch(path)
		if match == nil || entry.Type != "file" {
			continue
		}
		s, err := parseSegment(match[2])
		if err != nil {
			return Archive{}, err
		}
		switch id, err := strconv.Atoi(match[1]); {
		case err != nil || id < newest:
			continue
		case id > newest:
			newest = id
			clear(a.segments)
		}
		a.segments[s] = time.Unix(entry.Time, 0).UTC()
	}
	a.fork()
	return a, nil
}

// fork notes where each timeline begins.
func (a *Archive) fork() {
	begin := map[uint64]uint64{}
	for s := range a.segments {
		if first, known := begin[s.timeline]; !known || s.number < first {
			begin[s.timeline] = s.number
		}
	}
	a.starts = map[uint64][]uint64{}
	for timeline, number := range begin {
		a.starts[number] = append(a.starts[number], timeline)
	}
}

// Gap is WAL that is missing although later WAL is there: no restore from an
// older backup crosses it.
type Gap struct {
	First, Last string    // names of the missing segments
	Until       time.Time // when the last segment before it was archived; zero when there is none
	Failover    bool      // the end of a timeline, which a failed primary took with it
}

// Text names what is missing.
func (g Gap) Text() string {
	if g.First == g.Last {
		return "WAL segment " + g.First + " is missing"
	}
	return "WAL segments " + g.First + " to " + g.Last + " are missing"
}

// walk follows the WAL from a segment on, as a recovery does, and returns the
// last one that can be reached, zero when there is none, and the gap behind it,
// nil at the archive's end. Where the WAL forks, a recovery takes the newest
// timeline, which begins with a copy of the segment that it forks in.
func (a Archive) walk(from string) (last segment, gap *Gap, err error) {
	at, err := parseSegment(from)
	if err != nil {
		return segment{}, nil, err
	}
	for {
		for _, timeline := range a.starts[at.number] {
			at.timeline = max(at.timeline, timeline)
		}
		if _, there := a.segments[at]; !there {
			break
		}
		last = at
		at.number++
	}
	next := a.after(at)
	if next == nil && last != (segment{}) {
		return last, nil, nil
	}
	gap = &Gap{First: at.String(), Last: at.String(), Until: a.segments[last]}
	if next != nil {
		gap.Last = segment{at.timeline, next.number - 1}.String()
		gap.Failover = next.timeline != at.timeline
	}
	return last, gap, nil
}

// after is the first segment behind a missing one, on its timeline or on a
// later one; nil when there is none.
func (a Archive) after(missing segment) *segment {
	var next *segment
	for s := range a.segments {
		if s.timeline < missing.timeline || s.number <= missing.number {
			continue
		}
		if next == nil || s.number < next.number || s.number == next.number && s.timeline < next.timeline {
			next = &s
		}
	}
	return next
}
