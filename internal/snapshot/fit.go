package snapshot

import (
	"math"
	"time"
)

// Observation is what a snapshot of the chain really took.
type Observation struct {
	Interval time.Duration // since the start of the one before; 0: it stored everything
	Took     time.Duration
	Copied   time.Duration
}

// Refit replaces what was measured or assumed before the chain began by what
// its snapshots have shown.
//
// The full snapshot gives the throughput: T = D0/(t(0)-c). Every further one
// shows what has changed in its interval, (t-c)*T, and with it rho. Of so few
// samples the p95 is the largest one. Where a snapshot took longer than the
// writes explain, the overhead is what was underestimated: it stays when the
// intervals get shorter, so this errs on the safe side. It is never more than
// the shortest snapshot took.
func Refit(in Inputs, seen []Observation) Inputs {
	in.Snapshot = refitSpeed(in, in.Snapshot, seen, func(o Observation) time.Duration { return o.Took })
	if in.Copy != nil {
		speed := refitSpeed(in, *in.Copy, seen, func(o Observation) time.Duration { return o.Copied })
		in.Copy = &speed
	}
	if s, ok := scale(in, seen); ok {
		if in.Writes.bytesPerHour() > 0 {
			in.Writes = in.Writes.scaled(s)
		} else {
			in.Writes.Sequential = s
		}
	}
	return in
}

// refitSpeed is the throughput of the full snapshot and the overhead of the
// others.
func refitSpeed(in Inputs, s Speed, seen []Observation, took func(Observation) time.Duration) Speed {
	shortest := time.Duration(math.MaxInt64)
	for _, o := range seen {
		if took(o) > 0 {
			shortest = min(shortest, took(o))
		}
	}
	s.Overhead = min(s.Overhead, shortest)
	for _, o := range seen {
		if spent := (took(o) - s.Overhead).Seconds(); o.Interval == 0 && spent > 0 {
			s.Throughput = blocks(in.Extent.Used) * BlockBytes / spent
		}
	}
	for _, o := range seen {
		if o.Interval == 0 || took(o) == 0 {
			continue
		}
		unexplained := took(o) - seconds(atMost(in.Writes, in.Extent, o.Interval)/s.Throughput)
		s.Overhead = min(max(s.Overhead, unexplained), shortest)
	}
	return s
}

// saturated is the share of the volume beyond which what has changed no longer
// tells how much was written.
const saturated = 0.9

// scale is how many times the writes that were counted on explain the largest
// change that was seen; with none counted on, the bytes in an hour.
func scale(in Inputs, seen []Observation) (float64, bool) {
	var most float64
	var found bool
	for _, o := range seen {
		if o.Interval == 0 {
			continue
		}
		changed := atLeastSeen((o.Took - in.Snapshot.Overhead).Seconds() * in.Snapshot.Throughput)
		if in.Writes.bytesPerHour() == 0 {
			most, found = max(most, changed/o.Interval.Hours()), true
			continue
		}
		if changed > saturated*expected(in.Writes.scaled(math.MaxFloat32), in.Extent, o.Interval) {
			most, found = max(most, 1), true // nothing learned: what was counted on stays
			continue
		}
		most, found = max(most, invert(in, o.Interval, changed)), true
	}
	return most, found
}

// atLeastSeen allows for the chance in one observation: the interval before
// may have changed as much more as its number of blocks varies by, and the
// blocks at both ends of a stream.
func atLeastSeen(changed float64) float64 {
	n := max(0, changed/BlockBytes)
	return (n + 3*math.Sqrt(n) + 2) * BlockBytes
}

// invert finds the scale of the writes that change so much in a time.
func invert(in Inputs, t time.Duration, changed float64) float64 {
	low, high := 0.0, 1.0
	for expected(in.Writes.scaled(high), in.Extent, t) < changed && high < math.MaxFloat32 {
		high *= 2
	}
	for range 60 {
		middle := (low + high) / 2
		if expected(in.Writes.scaled(middle), in.Extent, t) < changed {
			low = middle
		} else {
			high = middle
		}
	}
	return high
}
