package snapshot

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// mostSteps bounds a chain: one that needs more converges too slowly to be
// worth its snapshots.
const mostSteps = 100

// Speed is how long the service takes to store or to copy changed blocks:
// Overhead, and the bytes at Throughput.
type Speed struct {
	Throughput float64
	Overhead   time.Duration
}

func (s Speed) take(bytes float64) time.Duration {
	return s.Overhead + seconds(bytes/s.Throughput)
}

// Downtime are the parts of the time in which nobody can write besides the
// final window.
type Downtime struct {
	Stop       time.Duration // until the database stands still
	Create     time.Duration // until the volume is there
	Initialise time.Duration // a volume of a snapshot loads its blocks when they are first read
	Recovery   time.Duration // until the server accepts connections
}

// Inputs are what a plan follows from.
type Inputs struct {
	Extent   Extent
	Writes   Writes
	Snapshot Speed
	Copy     *Speed        // to another region; nil: none
	Gap      time.Duration // from the end of a snapshot to the start of the next
	Since    time.Duration // age of the snapshot that the chain stands on; 0: there is none, the first one stores everything
	Target   time.Duration // the longest that the last snapshot, with its copy, may take
	Downtime Downtime
}

// Step is one snapshot of a plan.
type Step struct {
	Number int // from 1
	Start  time.Duration
	Bytes  float64 // to store, at most
	Took   time.Duration
	Copied time.Duration // how long its copy takes
	Final  bool          // the database stands still for it
}

// Window is how long the step keeps the database waiting when it is the last.
func (s Step) Window() time.Duration { return s.Took + s.Copied }

// Plan is a chain that leads to a window within the target, or the reason why
// there is none.
type Plan struct {
	Feasible bool
	Reason   string
	Possible time.Duration // the shortest target that there is a chain for
	Rho      float64       // how much of its time a snapshot leaves to the next one
	Limit    time.Duration // what the windows come near to
	Steps    []Step        // of an infeasible plan: until they get no shorter
	Window   time.Duration // of the last step
	Downtime time.Duration
	Inputs   Inputs
}

// Make plans a chain of snapshots back to back.
//
// With T the throughput, c the overhead and r the bytes changed in an hour,
// rho = r/T, t(0) = D0/T + c and t(k+1) = rho*t(k) + c. The times come near to
// c/(1-rho): t(n) = tinf + rho^n (t(0)-tinf). So a target is met after
// n = ceil(ln((target-tinf)/(t(0)-tinf)) / ln rho) further snapshots, and only
// if rho < 1 and target > tinf. (Source: the geometric series; the project's
// facts, "EBS snapshot chain".)
//
// Make steps through the recurrence instead of solving it, since r is no
// constant: random writes hit blocks that have changed already, so a long
// interval changes less in an hour than a short one (see expected). It counts
// with the bound of what can change, never with the mean, so that a window
// that it promises is kept. Intervals include the copy to another region and
// the gap between two snapshots.
func Make(in Inputs) (Plan, error) {
	if err := in.check(); err != nil {
		return Plan{}, err
	}
	p := Plan{Inputs: in, Rho: in.rho()}
	first := float64(in.Extent.Used)
	if in.Since > 0 {
		first = atMost(in.Writes, in.Extent, in.Since)
	} else {
		first = blocks(int64(first)) * BlockBytes
	}
	step := in.step(1, 0, first)
	shortest := step.Window()
	for {
		p.Steps = append(p.Steps, step)
		if step.Window() <= in.Target {
			p.Feasible = true
			break
		}
		next := in.after(step)
		// The times only fall or only rise, since what changes grows with time.
		if next.Window() >= step.Window() || len(p.Steps) == mostSteps {
			break
		}
		step, shortest = next, min(shortest, next.Window())
	}
	last := &p.Steps[len(p.Steps)-1]
	last.Final = true
	p.Window = last.Window()
	p.Limit = in.limit(step)
	p.Downtime = in.Downtime.Stop + p.Window + in.Downtime.Create + in.Downtime.Initialise + in.Downtime.Recovery
	p.Possible = shortest
	if !p.Feasible {
		p.Reason = p.why()
	}
	return p, nil
}

func (in Inputs) check() error {
	switch {
	case in.Extent.Used <= 0:
		return errors.New("the volume holds nothing")
	case in.Extent.Volume < in.Extent.Used:
		return fmt.Errorf("%d bytes are in use on a volume of %d", in.Extent.Used, in.Extent.Volume)
	case !(in.Snapshot.Throughput > 0) || math.IsInf(in.Snapshot.Throughput, 0):
		return errors.New("the throughput of a snapshot must be more than 0")
	case in.Copy != nil && (!(in.Copy.Throughput > 0) || math.IsInf(in.Copy.Throughput, 0)):
		return errors.New("the throughput of a copy must be more than 0")
	case !(in.Writes.Random >= 0 && in.Writes.Sequential >= 0) || math.IsInf(in.Writes.bytesPerHour(), 0):
		return errors.New("a write rate must not be less than 0")
	case in.Target <= 0:
		return errors.New("the target must be more than 0")
	case in.Gap < 0 || in.Since < 0 || in.Snapshot.Overhead < 0 || in.Copy != nil && in.Copy.Overhead < 0:
		return errors.New("a time must not be less than 0")
	}
	return nil
}

// rho is the changed bytes in an hour by the bytes that can be stored, and
// copied, in an hour.
func (in Inputs) rho() float64 {
	rho := in.Writes.bytesPerHour() / 3600 / in.Snapshot.Throughput
	if in.Copy != nil {
		rho += in.Writes.bytesPerHour() / 3600 / in.Copy.Throughput
	}
	return rho
}

func (in Inputs) step(number int, start time.Duration, bytes float64) Step {
	s := Step{Number: number, Start: start, Bytes: bytes, Took: in.Snapshot.take(bytes)}
	if in.Copy != nil {
		s.Copied = in.Copy.take(bytes)
	}
	return s
}

// after is the step that follows at once.
func (in Inputs) after(s Step) Step {
	interval := s.Window() + in.Gap
	return in.step(s.Number+1, s.Start+interval, atMost(in.Writes, in.Extent, interval))
}

// limit is what the windows come near to when the chain goes on for ever.
func (in Inputs) limit(from Step) time.Duration {
	for range 100_000 {
		next := in.after(from)
		if (next.Window() - from.Window()).Abs() < time.Millisecond {
			return next.Window()
		}
		next.Start = 0 // or it would overflow
		from = next
	}
	return from.Window()
}

// why says why there is no chain, and what there is one for.
func (p Plan) why() string {
	possible := fmt.Sprintf("the shortest window is %s", Text(p.Possible))
	if p.Rho >= 1 {
		return fmt.Sprintf("the volume changes by %s while a snapshot stores %s (rho %.2f, it must be below 1), so snapshots get no shorter; %s",
			perSecond(p.Inputs.Writes.bytesPerHour()/3600), perSecond(p.Inputs.speed()), p.Rho, possible)
	}
	if len(p.Steps) == mostSteps {
		return fmt.Sprintf("%d snapshots are not enough (rho %.2f); after them %s", mostSteps, p.Rho, possible)
	}
	return fmt.Sprintf("the target %s is not above the limit %s that snapshots come near to (rho %.2f); %s", Text(p.Inputs.Target), Text(p.Limit), p.Rho, possible)
}

// speed is how many bytes are stored, and copied, in a second.
func (in Inputs) speed() float64 {
	if in.Copy == nil {
		return in.Snapshot.Throughput
	}
	return 1 / (1/in.Snapshot.Throughput + 1/in.Copy.Throughput)
}

// seconds is a duration, rounded up and never beyond what one can hold.
func seconds(s float64) time.Duration {
	const most = float64(math.MaxInt64 / 4)
	return time.Duration(min(math.Ceil(s*float64(time.Second)), most))
}
