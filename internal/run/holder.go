package run

import (
	"errors"
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// Holder is a run as its lease names it: enough for a person to find whoever
// is behind it, and for the same machine to prove that it is gone.
type Holder struct {
	Run    string    `json:"run"`
	Verb   string    `json:"verb"`   // "apply"
	Who    string    `json:"who"`    // name of the operating system's user
	Host   string    `json:"host"`   // name of the machine
	Caller string    `json:"caller"` // ARN of the AWS identity
	Commit string    `json:"commit"` // of the project; empty outside of a repository
	Since  time.Time `json:"since"`  // UTC, by the holder's clock

	Rollout string `json:"rollout,omitempty"` // that the run is a part of

	Boot  string `json:"boot,omitempty"` // where PID means something (process.Place); empty: nothing can be proven
	PID   int    `json:"pid,omitempty"`
	Start uint64 `json:"start,omitempty"` // of the process, in clock ticks since boot
	Dir   string `json:"dir,omitempty"`   // the run's directory
}

// NewHolder describes this process as the holder of a run's lease. What cannot
// be found out is left empty: then only the missing sign of life proves that
// it is dead.
func NewHolder(r *Run, verb, caller, commit string) Holder {
	h := Holder{Run: r.ID, Verb: verb, Who: "unknown", Host: "unknown", Caller: caller, Commit: commit, Since: r.Started.UTC()}
	if me, err := user.Current(); err == nil {
		h.Who = me.Username
	}
	if host, err := os.Hostname(); err == nil {
		h.Host = host
	}
	if dir, err := filepath.Abs(r.Dir); err == nil {
		h.Dir = dir
	}
	if me, err := process.Self(); err == nil {
		h.Boot, h.PID, h.Start = me.Boot, me.PID, me.Start
	}
	return h
}

// String names the run and whoever is behind it, for people.
func (h Holder) String() string {
	text := fmt.Sprintf("run %s (%s) by %s@%s", h.Run, h.Verb, h.Who, h.Host)
	if h.Commit != "" {
		text += ", commit " + h.Commit[:min(len(h.Commit), 12)]
	}
	return text + ", since " + h.Since.UTC().Format("2006-01-02 15:04:05") + " UTC"
}

// Children is the folder of a run's directory in which every program that the
// run has started is written down while it runs: <pid>.json.
func Children(dir string) string { return filepath.Join(dir, "children") }

// proof says what this machine knows of the holder: whether it can tell at
// all, and whether its process or a program that it has started still runs.
// It can tell only where the holder's process ids mean the same and its
// directory is: a copy of a machine has other processes.
func (h Holder) proof() (known, alive bool) {
	place, err := process.Place()
	if err != nil || h.PID <= 0 || h.Boot != place || h.Dir == "" {
		return false, false
	}
	if _, err := os.Stat(h.Dir); err != nil {
		return false, false
	}
	all, err := process.Recorded(Children(h.Dir))
	if err != nil {
		return false, false
	}
	all = append(all, process.Identity{PID: h.PID, Start: h.Start, Boot: h.Boot})
	known = true
	for _, one := range all {
		switch {
		case one.Alive():
			return true, true
		case errors.Is(unix.Kill(one.PID, 0), unix.EPERM):
			known = false // somebody else's process, which /proc may be hiding
		}
	}
	return known, false
}
