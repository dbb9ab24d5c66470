// Package bench measures programs that do the same work beside each other, and
// shows what was measured: as a table, as a picture, as data.
package bench

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Sample is one run of a program with all that it has started.
type Sample struct {
	Seconds float64 `json:"seconds"`     // until it ended
	CPU     float64 `json:"cpu_seconds"` // of itself and of those that it has waited for
	Memory  float64 `json:"memory_mib"`  // peak of what all its processes together had resident; shared pages count for each
}

// tick is how often memory is looked at.
const tick = 50 * time.Millisecond

// Run runs a program to its end and measures it. What it says is in the error
// when it fails.
func Run(cmd *exec.Cmd) (Sample, error) {
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &said, &said
	started := time.Now()
	if err := cmd.Start(); err != nil {
		return Sample{}, fmt.Errorf("start %s: %w", cmd.Path, err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(tick)
	defer look.Stop()
	var s Sample
	for {
		select {
		case err := <-ended:
			s.Seconds = time.Since(started).Seconds()
			if err != nil {
				return s, fmt.Errorf("%s: %w\n%s", strings.Join(cmd.Args, " "), err, said.String())
			}
			s.CPU = (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds()
			return s, nil
		case <-look.C:
			s.Memory = max(s.Memory, resident(cmd.Process.Pid))
		}
	}
}

// Add is the sample of two programs that ran one after the other.
func (s Sample) Add(next Sample) Sample {
	return Sample{Seconds: s.Seconds + next.Seconds, CPU: s.CPU + next.CPU, Memory: max(s.Memory, next.Memory)}
}

// resident is what a process and all below it have resident at this moment, in
// MiB. Processes that end meanwhile are left out.
func resident(root int) float64 {
	parents, pages := map[int]int{}, map[int]int{}
	files, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		return 0
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			continue
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		_, rest, named := strings.Cut(string(data), ") ") // the name before may hold spaces, even brackets; those of these tools do not
		fields := strings.Fields(rest)
		const parent, rss = 1, 21 // counted from the state, which follows the name
		if err != nil || !named || len(fields) <= rss {
			continue
		}
		parents[pid], _ = strconv.Atoi(fields[parent]) // the kernel writes numbers
		pages[pid], _ = strconv.Atoi(fields[rss])
	}
	total := 0
	for pid := range pages {
		if below(pid, root, parents) {
			total += pages[pid]
		}
	}
	return float64(total) * float64(os.Getpagesize()) / (1 << 20)
}

// below tells whether a process is root or descends from it.
func below(pid, root int, parents map[int]int) bool {
	for ; pid > 1; pid = parents[pid] {
		if pid == root {
			return true
		}
	}
	return false
}
