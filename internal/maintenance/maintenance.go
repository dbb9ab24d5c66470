// Package maintenance knows the weekly windows in which an environment may be
// changed: "sat,sun 22:00-04:00 Europe/Berlin". It is pure: the caller tells
// the time.
package maintenance

import (
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // the same zones on every machine
)

// Pattern is the form of a window, for Go and ECMAScript alike.
const Pattern = `^(daily|(mon|tue|wed|thu|fri|sat|sun)(,(mon|tue|wed|thu|fri|sat|sun)){0,6}) ([01][0-9]|2[0-3]):[0-5][0-9]-([01][0-9]|2[0-3]):[0-5][0-9] [A-Za-z][A-Za-z0-9_+/-]*$`

// Window is open on some days from one time of day to another, by the clocks
// of a zone. One whose end is not after its beginning ends on the next day.
type Window struct {
	text     string
	days     []time.Weekday
	from, to int // minutes since midnight
	zone     *time.Location
}

// weekdays are the days as they are written, in time.Weekday's order.
func weekdays() []string { return []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"} }

// Parse reads a window that fits Pattern.
func Parse(text string) (Window, error) {
	w := Window{text: text}
	fields := strings.Fields(text)
	if len(fields) != 3 {
		return w, fmt.Errorf("%q has to be days, hours and a zone", text)
	}
	for _, name := range strings.Split(fields[0], ",") {
		day := slices.Index(weekdays(), name)
		switch {
		case name == "daily":
			w.days = []time.Weekday{0, 1, 2, 3, 4, 5, 6}
		case day < 0:
			return w, fmt.Errorf("%q is no day", name)
		default:
			w.days = append(w.days, time.Weekday(day))
		}
	}
	from, to, _ := strings.Cut(fields[1], "-")
	var err error
	if w.from, err = minutes(from); err != nil {
		return w, err
	}
	if w.to, err = minutes(to); err != nil {
		return w, err
	}
	if w.zone, err = time.LoadLocation(fields[2]); err != nil || fields[2] == "Local" {
		return w, fmt.Errorf("%q is no time zone, such as Europe/Berlin or UTC", fields[2])
	}
	return w, nil
}

func minutes(text string) (int, error) {
	t, err := time.Parse("15:04", text)
	if err != nil {
		return 0, fmt.Errorf("%q is no time of day", text)
	}
	return t.Hour()*60 + t.Minute(), nil
}

// String is the window as it was written.
func (w Window) String() string { return w.text }

// begins is when the window opens on the day of t; false when it does not.
func (w Window) begins(t time.Time) (from, to time.Time, opens bool) {
	year, month, day := t.Date()
	if !slices.Contains(w.days, t.Weekday()) {
		return from, to, false
	}
	from = time.Date(year, month, day, 0, w.from, 0, 0, w.zone)
	end := day
	if w.to <= w.from {
		end++
	}
	return from, time.Date(year, month, end, 0, w.to, 0, 0, w.zone), true
}

// Opens is the first moment from now on at which the window is open: now
// itself when it is.
func (w Window) Opens(now time.Time) time.Time {
	local := now.In(w.zone)
	// Yesterday's window may still be open; in eight days each day was there.
	for offset := -1; offset <= 8; offset++ {
		from, to, opens := w.begins(local.AddDate(0, 0, offset))
		if !opens || !now.Before(to) {
			continue
		}
		if now.Before(from) {
			return from
		}
		return now
	}
	return time.Time{} // a window has at least one day, so this is never reached
}

// Opens is when the first of several windows is open, from now on. Without
// any, it always is.
func Opens(windows []Window, now time.Time) time.Time {
	first := now
	for i, w := range windows {
		if at := w.Opens(now); i == 0 || at.Before(first) {
			first = at
		}
	}
	return first
}
