package trace

import (
	"slices"
	"sync"
	"time"
)

// recorder adds up how long phases take. It is apart from the spans, since of
// those a sampler may want none.
type recorder struct {
	mu  sync.Mutex
	all []Phase
}

// start notes that a phase begins; what it returns notes that it has ended.
func (r *recorder) start(name string) (done func()) {
	r.add(name, 0)
	began := time.Now()
	return func() { r.add(name, time.Since(began)) }
}

func (r *recorder) add(name string, took time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	i := slices.IndexFunc(r.all, func(p Phase) bool { return p.Name == name })
	if i < 0 {
		r.all, i = append(r.all, Phase{Name: name}), len(r.all)
	}
	r.all[i].Took += took
}

func (r *recorder) take() []Phase {
	r.mu.Lock()
	defer r.mu.Unlock()
	taken := r.all
	r.all = nil
	return taken
}
