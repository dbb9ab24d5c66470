package snapshot

import (
	"math/rand/v2"
	"time"
)

// volume is a volume in which every block is kept track of. It knows nothing
// of the planner's formulas: it goes through time in small steps, writes what
// falls into each, and a snapshot counts the blocks that are dirty.
type volume struct {
	writes  Writes
	random  *rand.Rand
	used    int // blocks that random writes go to
	dirty   []bool
	changed int // how many are dirty

	now    time.Duration
	owed   float64                        // random writes, the part of one that has not fallen due
	cursor float64                        // where the sequential stream is, in bytes
	load   func(at time.Duration) float64 // the part of the writes that comes at a time
}

func newVolume(e Extent, w Writes, seed uint64) *volume {
	v := &volume{
		writes: w, random: rand.New(rand.NewPCG(seed, 7)), used: int(blocks(e.Used)), dirty: make([]bool, int(blocks(e.Volume))),
		load: func(time.Duration) float64 { return 1 },
	}
	v.cursor = float64(seed%uint64(len(v.dirty))) * BlockBytes
	for i := range v.used { // all of it is new to the first snapshot
		v.touch(i)
	}
	return v
}

func (v *volume) touch(block int) {
	if !v.dirty[block] {
		v.dirty[block] = true
		v.changed++
	}
}

// pass lets time go by.
func (v *volume) pass(d time.Duration) {
	const parts = 40
	for part := range parts {
		step := d*time.Duration(part+1)/parts - d*time.Duration(part)/parts
		v.now += step
		hours := v.load(v.now) * step.Hours()
		for v.owed += v.writes.Random * hours; v.owed >= 1; v.owed-- {
			v.touch(v.random.IntN(v.used))
		}
		from := int(v.cursor / BlockBytes)
		written := v.writes.Sequential * hours
		v.cursor += written
		if written > 0 {
			for block := from; block <= int(v.cursor/BlockBytes) && block-from < len(v.dirty); block++ {
				v.touch(block % len(v.dirty))
			}
		}
	}
}

// snapshot takes one, during which writing goes on, and returns what it
// stored and how long that took.
func (v *volume) snapshot(store Speed, copied *Speed) (bytes float64, took, copyTook time.Duration) {
	bytes = float64(v.changed) * BlockBytes
	clear(v.dirty)
	v.changed = 0
	took = store.Overhead + time.Duration(bytes/store.Throughput*float64(time.Second))
	if copied != nil {
		copyTook = copied.Overhead + time.Duration(bytes/copied.Throughput*float64(time.Second))
	}
	v.pass(took + copyTook)
	return bytes, took, copyTook
}
