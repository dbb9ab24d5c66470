package maintenance_test

import (
	"regexp"
	"testing"
	"time"

	"infra/internal/maintenance"
)

func TestOpens(t *testing.T) {
	for _, c := range []struct {
		name, window, now, want string // want is empty: open now
	}{
		{"inside", "sat,sun 22:00-23:00 UTC", "2026-11-28T22:30:00Z", ""},
		{"its first moment", "sat 22:00-23:00 UTC", "2026-11-28T22:00:00Z", ""},
		{"its end is outside", "sat 22:00-23:00 UTC", "2026-11-28T23:00:00Z", "2026-12-05T22:00:00Z"},
		{"later today", "sat 22:00-23:00 UTC", "2026-11-28T09:00:00Z", "2026-11-28T22:00:00Z"},
		{"another day", "mon 01:00-02:00 UTC", "2026-11-28T09:00:00Z", "2026-11-30T01:00:00Z"},
		{"over midnight, before", "sat 22:00-04:00 UTC", "2026-11-28T23:59:00Z", ""},
		{"over midnight, after", "sat 22:00-04:00 UTC", "2026-11-29T03:59:00Z", ""},
		{"over midnight, over", "sat 22:00-04:00 UTC", "2026-11-29T04:00:00Z", "2026-12-05T22:00:00Z"},
		{"the whole day", "daily 00:00-00:00 UTC", "2026-11-29T04:00:00Z", ""},
		{"by the clocks of the zone, winter", "sat 22:00-23:00 Europe/Berlin", "2026-11-28T21:30:00Z", ""},
		{"by the clocks of the zone, summer", "sat 22:00-23:00 Europe/Berlin", "2026-07-25T20:30:00Z", ""},
		{"the day is the zone's", "sun 00:00-01:00 Asia/Tokyo", "2026-11-28T15:30:00Z", ""},
		{"the night in which the clocks go back has an hour more", "sun 01:00-04:00 Europe/Berlin", "2026-10-25T02:59:00Z", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if !regexp.MustCompile(maintenance.Pattern).MatchString(c.window) {
				t.Fatalf("%s does not fit the pattern", c.window)
			}
			w, err := maintenance.Parse(c.window)
			if err != nil {
				t.Fatal(err)
			}
			now, want := moment(t, c.now), moment(t, c.now)
			if c.want != "" {
				want = moment(t, c.want)
			}
			if got := w.Opens(now); !got.Equal(want) {
				t.Errorf("opens %s, want %s", got.UTC(), want)
			}
		})
	}
}

func TestOpensTheFirstOfSeveral(t *testing.T) {
	late, err := maintenance.Parse("sun 22:00-23:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	soon, err := maintenance.Parse("sun 12:00-13:00 UTC")
	if err != nil {
		t.Fatal(err)
	}
	now := moment(t, "2026-11-28T22:30:00Z")
	if got := maintenance.Opens([]maintenance.Window{late, soon}, now); !got.Equal(moment(t, "2026-11-29T12:00:00Z")) {
		t.Errorf("opens %s", got)
	}
	if got := maintenance.Opens(nil, now); !got.Equal(now) {
		t.Errorf("without a window it opens %s", got)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, text := range []string{"", "sat", "sat 22:00-23:00", "saturday 22:00-23:00 UTC", "sat 25:00-23:00 UTC", "sat 22:00-24:30 UTC", "sat 22:00-23:00 Europe/Nowhere", "sat 22:00-23:00 Local"} {
		if _, err := maintenance.Parse(text); err == nil {
			t.Errorf("%q was accepted", text)
		}
	}
}

func moment(t *testing.T, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}
