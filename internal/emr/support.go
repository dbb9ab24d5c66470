package emr

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"infra/internal/fault"
)

// supportWarning is how long before the end of support of a release somebody
// is told.
const supportWarning = 180 * 24 * time.Hour

// Support is until when AWS supports a release.
type Support struct {
	Release string    `json:"release"`
	Until   time.Time `json:"until,omitzero"` // last day of standard support; zero: not known
	Latest  bool      `json:"latest"`         // Until is only the latest that it can be: that of the next release that is known
	Ended   bool      `json:"ended"`
	Days    int       `json:"days"` // left, or since the end
}

// end is the last day of standard support of a minor release.
type end struct {
	major, minor int
	day          string
}

// ends are from the table "supported lifecycle" of each release's page in
// AWS's release guide, as of November 2026.
func ends() []end {
	return []end{
		{7, 3, "2026-10-15"},
		{7, 4, "2026-11-12"},
		{7, 5, "2026-11-20"},
		{7, 9, "2027-05-19"},
		{7, 10, "2027-08-15"},
		{7, 13, "2028-04-21"},
		{7, 14, "2028-09-08"},
	}
}

// SupportOf says until when a release label is supported. Releases are
// supported in the order in which they came: one that is not in the table is
// supported no longer than the next that is.
func SupportOf(release string, now time.Time) Support {
	s := Support{Release: release}
	major, minor, ok := parse(release)
	if !ok {
		return s
	}
	i := slices.IndexFunc(ends(), func(e end) bool { return cmp.Or(e.major-major, e.minor-minor) >= 0 })
	if i < 0 {
		return s // newer than everything that is known
	}
	e := ends()[i]
	until, err := time.Parse(time.DateOnly, e.day)
	if err != nil {
		return s // a test reads the whole table
	}
	s.Until, s.Latest = until, e.major != major || e.minor != minor
	over := until.AddDate(0, 0, 1)
	s.Ended = !now.Before(over)
	s.Days = int(over.Sub(now).Abs() / (24 * time.Hour))
	return s
}

// parse takes a label such as emr-7.13.0 apart.
func parse(release string) (major, minor int, ok bool) {
	parts := strings.Split(strings.TrimPrefix(release, "emr-"), ".")
	if len(parts) != 3 || !strings.HasPrefix(release, "emr-") {
		return 0, 0, false
	}
	major, err1 := strconv.Atoi(parts[0])
	minor, err2 := strconv.Atoi(parts[1])
	return major, minor, err1 == nil && err2 == nil
}

// Warning is what is to be said of the release; empty when it is supported for
// long enough, or nothing is known.
func (s Support) Warning() string {
	at := "on"
	if s.Latest {
		at = "at the latest on"
	}
	switch {
	case s.Until.IsZero():
		return ""
	case s.Ended:
		return fmt.Sprintf("standard support of %s ended %s %s", s.Release, at, s.Until.Format(time.DateOnly))
	case s.Days < int(supportWarning/(24*time.Hour)):
		return fmt.Sprintf("standard support of %s ends %s %s, in %d days", s.Release, at, s.Until.Format(time.DateOnly), s.Days)
	default:
		return ""
	}
}

// Supported refuses to make a cluster of a release whose support has ended. file
// is the environment's, for the way out, and warning is what else there is to say of it.
func Supported(release, file string, allowed bool, now time.Time) (warning string, err error) {
	s := SupportOf(release, now)
	if s.Ended && !allowed {
		return "", fault.New(fault.Refused, "make a cluster of "+release, errors.New(s.Warning()),
			fmt.Sprintf("set products.pipeline.emr.release of %s to a later one, or allow_unsupported: true beside it", file))
	}
	return s.Warning(), nil
}
