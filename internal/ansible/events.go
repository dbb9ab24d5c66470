package ansible

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"sort"
	"strings"
	"sync"
)

// Recap counts what happened on one host.
type Recap struct {
	OK          int `json:"ok"`
	Changed     int `json:"changed"`
	Failed      int `json:"failures"`
	Unreachable int `json:"unreachable"`
	Skipped     int `json:"skipped"`
}

// Failure is one task that failed on one host, or a host out of reach.
type Failure struct {
	Host        string // inventory name: the instance id
	Task        string
	Message     string
	Unreachable bool
}

// Change is one task that changed one host, or in check mode would.
type Change struct {
	Host, Play, Task string
	Files            []string // that Ansible has shown a difference of, in check mode alone
}

// event is one line of the callbacks ansible.posix.jsonl and started.
type event struct {
	Event string `json:"_event"`
	Play  struct {
		Name string `json:"name"`
	} `json:"play"`
	Task struct {
		Name     string `json:"name"`
		Duration struct {
			Start string `json:"start"`
			End   string `json:"end"`
		} `json:"duration"`
	} `json:"task"`
	Hosts map[string]hostResult `json:"hosts"`
	Stats map[string]Recap      `json:"stats"`
}

type hostResult struct {
	Changed     bool            `json:"changed"`
	Failed      bool            `json:"failed"`
	Unreachable bool            `json:"unreachable"`
	Censored    string          `json:"censored"`
	Message     json.RawMessage `json:"msg"`
	Stderr      string          `json:"stderr"`
	Stdout      string          `json:"stdout"`
	Reason      string          `json:"reason"`
	ModuleErr   string          `json:"module_stderr"`
	Results     []hostResult    `json:"results"`
	Diff        json.RawMessage `json:"diff"`
}

// listener turns the callback's lines into a Result. It is the
// ResultsOutputer that go-ansible hands the child's streams to.
type listener struct {
	result   *Result
	progress func(Progress)
	begun    map[string]bool // hosts that have had a task
	play     string          // that goes on
	tasks    int             // begun in the current play, or in its current batch of hosts
	noise    []string        // lines that are no events: Ansible's own errors and warnings
	mu       sync.Mutex
}

// lineLimit bounds one event; a host's whole package list fits many times.
const lineLimit = 16 << 20

// read consumes one stream of the child to its end, whatever is in it: a
// reader that stops early would leave the child with nobody to wait for it. A
// line beyond the limit is left out; the log has it.
func (l *listener) read(stream io.Reader) error {
	lines := bufio.NewReaderSize(stream, 64<<10)
	var line []byte
	for {
		part, err := lines.ReadSlice('\n')
		if len(line) <= lineLimit {
			line = append(line, part...)
		}
		if errors.Is(err, bufio.ErrBufferFull) {
			continue
		}
		if len(line) <= lineLimit {
			l.take(bytes.TrimSuffix(line, []byte{'\n'}))
		}
		line = line[:0]
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// take is called by the readers of both streams.
func (l *listener) take(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.line(line)
}

func (l *listener) line(line []byte) {
	var e event
	if len(line) == 0 || line[0] != '{' || json.Unmarshal(line, &e) != nil || e.Event == "" {
		if text := strings.TrimSpace(string(line)); text != "" {
			l.noise = append(l.noise, text)
		}
		return
	}
	if strings.HasPrefix(e.Event, "v2_runner_") {
		for host := range e.Hosts {
			l.begun[host] = true
		}
	}
	switch e.Event {
	case "v2_playbook_on_play_start":
		l.play, l.tasks = e.Play.Name, 0
		l.progress(Progress{Play: e.Play.Name})
	case "v2_playbook_on_task_start", "v2_playbook_on_handler_task_start":
		l.tasks++
		l.progress(Progress{Task: e.Task.Name})
	case "v2_runner_on_start":
		for host := range e.Hosts {
			l.progress(Progress{Begun: &Begun{Host: host, Play: l.play, Task: e.Task.Name}})
		}
	case "v2_runner_on_skipped":
		for host := range e.Hosts {
			l.progress(Progress{Skipped: &Begun{Host: host, Play: l.play, Task: e.Task.Name}})
		}
	case "v2_runner_on_ok":
		for host, r := range e.Hosts {
			if r.Changed {
				l.result.Changes = append(l.result.Changes, Change{Host: host, Play: l.play, Task: e.Task.Name, Files: r.files()})
			}
			l.ended(e, host, r)
		}
	case "v2_runner_on_failed", "v2_runner_on_unreachable":
		for host, r := range e.Hosts {
			f := Failure{Host: host, Task: e.Task.Name, Message: r.text(), Unreachable: e.Event == "v2_runner_on_unreachable"}
			l.result.Failures = append(l.result.Failures, f)
			l.progress(Progress{Failure: &f})
			l.ended(e, host, r)
		}
	case "v2_playbook_on_stats":
		l.result.Recaps = e.Stats
	}
}

// inFlight are the hosts that a playbook cut short may have been working on,
// sorted. Nobody says for which hosts a play is; so while its first task runs, it
// may be any of those that the playbook is for.
func (l *listener) inFlight(expected []string) []string {
	hosts := maps.Clone(l.begun)
	if l.tasks == 1 {
		for _, host := range expected {
			hosts[host] = true
		}
	}
	return slices.Sorted(maps.Keys(hosts))
}

// messageLimit bounds what is shown of a failure; the log has all of it.
const messageLimit = 500

// lastLine is the last line that is not empty.
func lastLine(text string) string {
	text = strings.TrimSpace(text)
	return text[strings.LastIndexByte(text, '\n')+1:]
}

// text is what went wrong on a host in a sentence or two, never the whole
// result.
func (r hostResult) text() string {
	if r.Censored != "" {
		return "the task handles a secret, so its output is hidden"
	}
	for _, item := range r.Results {
		if item.Failed {
			return item.text()
		}
	}
	var message string
	if json.Unmarshal(r.Message, &message) != nil {
		message = string(r.Message)
	}
	reasons := []string{r.Stderr, r.Reason, r.ModuleErr}
	if strings.Join(reasons, "") == "" { // some programs tell their reason where they tell all else, at the end
		reasons = []string{lastLine(r.Stdout)}
	}
	for _, more := range reasons {
		if more = strings.TrimSpace(more); more != "" && !strings.Contains(message, more) {
			message += ": " + more
		}
	}
	message = strings.TrimSpace(message)
	if message == "" {
		message = "no message"
	}
	if len(message) > messageLimit {
		message = strings.ToValidUTF8(message[:messageLimit], "") + " …"
	}
	return message
}

// files are what the result shows a difference of, by the headers of it. The
// difference itself may hold a secret and is left where it is.
func (r hostResult) files() []string {
	type difference struct {
		Before string `json:"before_header"`
		After  string `json:"after_header"`
	}
	var all []difference
	if json.Unmarshal(r.Diff, &all) != nil {
		var one difference
		if json.Unmarshal(r.Diff, &one) == nil {
			all = append(all, one)
		}
	}
	var files []string
	add := func(header string) {
		name, _, _ := strings.Cut(header, " (") // "/etc/motd (content)"
		if name != "" && !slices.Contains(files, name) {
			files = append(files, name)
		}
	}
	for _, d := range all {
		add(cmp.Or(d.Before, d.After))
	}
	for _, item := range r.Results {
		if item.Changed {
			for _, name := range item.files() {
				add(name)
			}
		}
	}
	return files
}

// settle drops failures that the playbook rescued or ignored: only hosts
// that the recap counts as failed or unreachable stay. Without a recap Ansible
// did not come to its end, and hosts in flight are unknown.
func (r *Result) settle(inFlight []string) {
	if r.Recaps == nil {
		r.Unknown = inFlight
		return
	}
	var kept []Failure
	for _, f := range r.Failures {
		if recap := r.Recaps[f.Host]; recap.Failed > 0 || recap.Unreachable > 0 {
			kept = append(kept, f)
		}
	}
	r.Failures = kept
}

// problem is nil when every expected host was reached and nothing failed on
// it. name turns an instance id into what people call the host.
func (r *Result) problem(expected []string, name func(string) string) error {
	var problems []string
	for _, f := range r.Failures {
		what := fmt.Sprintf("task %q failed", f.Task)
		if f.Unreachable {
			what = "is unreachable"
		}
		problems = append(problems, fmt.Sprintf("%s: %s: %s", name(f.Host), what, f.Message))
	}
	if r.Recaps != nil {
		for _, host := range expected {
			if _, touched := r.Recaps[host]; !touched {
				problems = append(problems, name(host)+": was never reached by the playbook")
			}
		}
	}
	if len(problems) == 0 {
		return nil
	}
	sort.Strings(problems)
	return errors.New(strings.Join(problems, "\n"))
}
