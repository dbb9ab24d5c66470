// Package snapshot moves a database by a chain of EBS snapshots: each one
// stores only the blocks that have changed since the one before, so each takes
// less time than the one before, until the last, for which the database stands
// still, takes minutes instead of hours.
//
// Make decides how many snapshots that takes and how long the last one will
// take; it is pure. A Chain carries the plan out with EC2 and the hosts, and
// plans again after every snapshot with what that one really took (Refit).
package snapshot

import (
	"math"
	"slices"
	"time"
)

// BlockBytes is the unit in which EBS finds out what has changed: one changed
// byte costs a whole block.
// Source: Amazon EBS User Guide, "EBS direct APIs": 512 KiB a block.
const BlockBytes = 512 << 10

// Writes are what a volume takes.
type Writes struct {
	Random     float64 // blocks touched at random places of the data
	Sequential float64 // written one after the other, as WAL and new tables are
}

// scaled are the writes of a volume that takes s times as many.
func (w Writes) scaled(s float64) Writes {
	return Writes{Random: w.Random * s, Sequential: w.Sequential * s}
}

// bytesPerHour is what the writes change as long as no block is hit twice: the
// r of the formulas, with its amplification.
func (w Writes) bytesPerHour() float64 { return w.Random*BlockBytes + w.Sequential }

// Extent is the data that is written to.
type Extent struct {
	Used   int64
	Volume int64
}

func blocks(bytes int64) float64 { return math.Ceil(float64(bytes) / BlockBytes) }

// expected is how many bytes a snapshot has to store after writes for a time:
// U(t) = N(1-e^(-wt/N))*512 KiB for random ones, N being the number of blocks
// of the data, and what they write for sequential ones.
func expected(w Writes, e Extent, t time.Duration) float64 {
	n, hours := blocks(e.Used), t.Hours()
	var random float64
	if n > 0 {
		random = n * -math.Expm1(-w.Random*hours/n)
	}
	return min((random+w.Sequential*hours/BlockBytes)*BlockBytes, blocks(e.Volume)*BlockBytes)
}

// sigmas is how far above the mean a bound lies. The number of different
// blocks that random writes hit varies less than its square root, so a bound
// is passed by about one snapshot in 1e9.
const sigmas = 6

// atMost is a bound of expected that a real volume does not pass: the mean and
// what it varies by, and the blocks that a sequential stream has begun at both
// of its ends.
func atMost(w Writes, e Extent, t time.Duration) float64 {
	n, hours := blocks(e.Used), t.Hours()
	var random, sequential float64
	if n > 0 && w.Random > 0 {
		touched := math.Ceil(w.Random * hours)
		mean := n * -math.Expm1(-touched/n)
		random = min(mean+sigmas*math.Sqrt(mean)+1, touched, n)
	}
	if w.Sequential > 0 {
		sequential = math.Ceil(w.Sequential*hours/BlockBytes) + 1
	}
	return min(random+sequential, blocks(e.Volume)) * BlockBytes
}

// Percentile is the smallest sample that a share p of the samples does not
// exceed; of few samples, p95 is the largest one. It is 0 for none.
func Percentile(samples []float64, p float64) float64 {
	if len(samples) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(samples))
	return sorted[max(0, int(math.Ceil(p*float64(len(sorted))))-1)]
}
