package progress

import (
	"slices"
	"time"
)

// machine is the type of resource that becomes a host.
const machine = "aws_instance"

// Expected is how long things took in earlier runs. Its zero value knows
// nothing. Of several measurements the median counts: one run on a bad day says
// little.
type Expected struct {
	steps     map[string][]float64 // seconds, by stack and step
	resources map[string][]float64 // by action and address
	types     map[string][]float64 // by action and type
	parallel  map[string][]float64 // by stack: seconds of work in a second of applying
	reads     map[string][]float64 // by stack: resources that a plan reads
	hosts     map[bool][]played    // by whether machines were made just before
}

// played is one configuration of hosts.
type played struct{ hosts, results, seconds float64 }

// Learn is what earlier runs tell, each given as its events.
func Learn(runs ...[]Event) Expected {
	x := Expected{
		steps: map[string][]float64{}, resources: map[string][]float64{}, types: map[string][]float64{},
		parallel: map[string][]float64{}, reads: map[string][]float64{}, hosts: map[bool][]played{},
	}
	for _, events := range runs {
		x.learn(events)
	}
	return x
}

func (x Expected) learn(events []Event) {
	work, reads := map[string]float64{}, map[string]float64{}
	fresh, hosts, results := false, 0, 0
	for _, e := range events {
		switch e.Kind {
		case ResourceRead:
			reads[e.Stack]++
		case ResourceEnded:
			if e.Result == Failed {
				continue
			}
			work[e.Stack] += e.Seconds
			fresh = fresh || (resourceType(e.Address) == machine && e.Action != "delete")
			add(x.resources, e.Action+" "+e.Address, e.Seconds)
			add(x.types, e.Action+" "+resourceType(e.Address), e.Seconds)
		case StepBegan:
			hosts, results = len(e.Hosts), 0
			delete(reads, e.Stack)
		case TaskEnded:
			results++
		case StepEnded:
			if e.Result != OK {
				continue
			}
			add(x.steps, e.Stack+" "+e.Step, e.Seconds)
			switch {
			case e.Step == Applying && work[e.Stack] > 0 && e.Seconds > 0:
				add(x.parallel, e.Stack, work[e.Stack]/e.Seconds)
			case e.Step == Configuring:
				x.hosts[fresh] = append(x.hosts[fresh], played{float64(hosts), float64(results), e.Seconds})
			case e.Step == Planning && reads[e.Stack] > 0:
				add(x.reads, e.Stack, reads[e.Stack])
			}
		default:
		}
	}
}

func add(to map[string][]float64, key string, value float64) { to[key] = append(to[key], value) }

// Step is how long a step of a stack, or of the hosts, usually takes; 0 when
// that is not known.
func (x Expected) Step(stack, step string) time.Duration {
	return seconds(median(x.steps[stack+" "+step]))
}

// Reads is how many resources a plan of the stack reads; 0 when that is not
// known.
func (x Expected) Reads(stack string) int { return int(median(x.reads[stack])) }

// Resource is how long an action on a resource usually takes: on this one, or
// on others of its type. ok is false when nothing like it was ever done.
func (x Expected) Resource(action, address string) (took time.Duration, ok bool) {
	if known := x.resources[action+" "+address]; len(known) > 0 {
		return seconds(median(known)), true
	}
	known := x.types[action+" "+resourceType(address)]
	return seconds(median(known)), len(known) > 0
}

// Apply is how long changes of a stack are expected to take: what they take one
// by one, as much side by side as it was before, and never less than the longest
// of them. It is 0 while more than a third of them are of kinds never seen.
func (x Expected) Apply(stack string, changes []Change) time.Duration {
	var work, longest time.Duration
	known := 0
	for _, c := range changes {
		took, ok := x.Resource(c.Action, c.Address)
		if !ok {
			continue
		}
		known++
		work += took
		longest = max(longest, took)
	}
	if known == 0 || 3*(len(changes)-known) > len(changes) {
		return 0
	}
	work = work * time.Duration(len(changes)) / time.Duration(known)
	return max(longest, time.Duration(float64(work)/max(median(x.parallel[stack]), 1)))
}

// Configure is how many results of tasks are expected of so many hosts, and how
// long they take: hosts just made take longer than those that only are looked
// at.
func (x Expected) Configure(fresh bool, hosts int) (results int, took time.Duration) {
	var perHost, all []float64
	for _, p := range x.hosts[fresh] {
		if p.hosts > 0 {
			perHost = append(perHost, p.results/p.hosts)
		}
		all = append(all, p.seconds)
	}
	return int(median(perHost) * float64(hosts)), seconds(median(all))
}

func median(values []float64) float64 {
	if len(values) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
