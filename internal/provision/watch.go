package provision

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"infra/internal/console"
	"infra/internal/terraform"
)

// watcher turns the progress of all stacks into kept lines and one live
// line.
type watcher struct {
	con *console.Console

	mu      sync.Mutex
	running map[string]map[string]string // stack -> address -> action
	done    map[string]int
	read    map[string]int
}

func (p *Platform) watcher() *watcher {
	return &watcher{con: p.con, running: map[string]map[string]string{}, done: map[string]int{}, read: map[string]int{}}
}

// stack is the progress function of one stack.
func (w *watcher) stack(name string) func(terraform.Progress) {
	return func(e terraform.Progress) {
		w.mu.Lock()
		defer w.mu.Unlock()
		if w.running[name] == nil {
			w.running[name] = map[string]string{}
		}
		switch {
		case e.Action == "refresh":
			w.read[name]++
		case e.State == "start":
			w.running[name][e.Address] = e.Action
			w.con.Detail("%s: %s %s", name, e.Action, e.Address)
		default:
			delete(w.running[name], e.Address)
			w.done[name]++
			if e.State == "failed" {
				w.con.Warn("%s: %s of %s failed", name, e.Action, e.Address)
			} else {
				w.con.Detail("%s: %s of %s done in %ds", name, e.Action, e.Address, e.Seconds)
			}
		}
		w.con.Live("%s", w.line())
	}
}

func (w *watcher) line() string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(w.running)) {
		text := fmt.Sprintf("%s: ", name)
		switch {
		case w.done[name] > 0 || len(w.running[name]) > 0:
			text += fmt.Sprintf("%d done, %d in work", w.done[name], len(w.running[name]))
			for _, address := range slices.Sorted(maps.Keys(w.running[name]))[:min(1, len(w.running[name]))] {
				text += " (" + address + ")"
			}
		default:
			text += fmt.Sprintf("%d read", w.read[name])
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, " · ")
}
