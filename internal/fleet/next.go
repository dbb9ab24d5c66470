package fleet

import (
	"fmt"
	"time"

	"infra/internal/maintenance"
)

// Step is what is to be done now.
type Step struct {
	Start []string  // environments to begin, in this order
	Wake  time.Time // when a window opens that is waited for; zero: none
	Over  bool      // nothing runs, and nothing more will begin by itself
}

// Stopped says why nothing more may begin; empty while it may.
func (r *Rollout) Stopped() string {
	if r.Cut != "" {
		return r.Cut
	}
	failed := 0
	for _, e := range r.Environments {
		if e.State != Failed {
			continue
		}
		if failed++; e.Wave == 0 {
			return "the canary " + e.Name + " failed"
		}
	}
	if failed > r.Policy.MaxFailures {
		return fmt.Sprintf("%d failed, and %d may", failed, r.Policy.MaxFailures)
	}
	return ""
}

// Next decides what to do at a moment. Whoever carries it out calls Begin for
// each that is to start, End for each that has ended, and asks again.
func (r *Rollout) Next(now time.Time) Step {
	running := r.Count(Running)
	ended := running == 0 && r.Count(Waiting) == 0
	if r.Stopped() != "" || ended {
		return Step{Over: running == 0}
	}
	if r.Paused {
		return Step{}
	}
	var step Step
	for wave := 0; wave <= r.waves(); wave++ {
		if !r.wave(wave, now, running, &step) {
			break
		}
	}
	step.Over = running == 0 && len(step.Start) == 0 && step.Wake.IsZero()
	return step
}

// waves is the number of the last wave.
func (r *Rollout) waves() int {
	last := 0
	for _, e := range r.Environments {
		last = max(last, e.Wave)
	}
	return last
}

// wave adds what is to begin of one wave; true when the next one may begin too.
func (r *Rollout) wave(number int, now time.Time, running int, step *Step) (passed bool) {
	passed = true
	for _, e := range r.Environments {
		if e.Wave != number || e.State == Done || e.State == Failed {
			continue
		}
		if e.State != Waiting {
			passed = false
			continue
		}
		opens := r.Opens(e, now)
		switch {
		case !opens.After(now):
			passed = false
			if r.Policy.Parallel <= 0 || running+len(step.Start) < r.Policy.Parallel {
				step.Start = append(step.Start, e.Name)
			}
		case r.Policy.Windows == Wait:
			passed = false
			if step.Wake.IsZero() || opens.Before(step.Wake) {
				step.Wake = opens
			}
		default:
			passed = passed && number > 0 // without its canary nothing goes on
		}
	}
	return passed
}

// Opens is the first moment from now on at which the environment may be
// changed.
func (r *Rollout) Opens(e Environment, now time.Time) time.Time {
	if r.Policy.Windows == Ignore {
		return now
	}
	var windows []maintenance.Window
	for _, text := range e.Maintenance {
		if w, err := maintenance.Parse(text); err == nil { // it was checked with the environment's file
			windows = append(windows, w)
		}
	}
	return maintenance.Opens(windows, now)
}

// Word is an environment's state for people: of those that wait it says for
// what.
func (r *Rollout) Word(e Environment, now time.Time) string {
	switch {
	case e.State != Waiting:
		return string(e.State)
	case r.Stopped() != "" || !r.Ended.IsZero() && !r.Opens(e, now).After(now):
		return "not begun"
	case r.Opens(e, now).After(now) && r.Policy.Windows != Wait:
		return "deferred"
	case r.Paused:
		return "paused"
	default:
		return string(e.State)
	}
}
