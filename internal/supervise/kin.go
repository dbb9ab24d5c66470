package supervise

import (
	"slices"
	"sync"
	"time"

	"infra/internal/process"
)

// kin are the processes that a tool has started, where the kernel does not keep
// them together once their parents have ended (macOS). They are looked for
// again and again while the tool runs. What is missed is a process that was
// started, lost its parent and left every known process group, all between two
// looks.
type kin struct {
	mu    sync.Mutex
	known []process.Identity
	err   error // why the tool itself is not known
}

func newKin(tool int) *kin {
	first, err := process.Of(tool)
	return &kin{known: []process.Identity{first}, err: err}
}

// follow looks until the tool's end is settled.
func (k *kin) follow(ended <-chan struct{}) {
	tick := time.NewTicker(watch)
	defer tick.Stop()
	for {
		select {
		case <-ended:
			return
		case <-tick.C:
			_, _ = k.left() // the next look may work, and so may the last
		}
	}
}

// left are those that still run.
func (k *kin) left() ([]process.Identity, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.err != nil {
		return nil, k.err
	}
	known, err := process.Kin(k.known)
	if err != nil {
		return nil, err
	}
	k.known = known
	return slices.DeleteFunc(slices.Clone(known), func(one process.Identity) bool { return !one.Alive() }), nil
}
