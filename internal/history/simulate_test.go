package history

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"
)

const (
	simulatedLimit = 100 * time.Millisecond
	simulatedLag   = 30 * time.Millisecond // of a view, at most
)

// event is something that happens in a simulation.
type event struct {
	at time.Duration
	do func()
}

// change is of the ephemeral nodes.
type change struct {
	zxid  int64
	name  string
	added bool
}

// state is a version of a register.
type state struct {
	Register

	zxid int64
}

// simulation is an ensemble that does everything right, and clients that
// sometimes get no answer.
type simulation struct {
	random  *rand.Rand
	unknown float64 // how often an answer is lost
	now     time.Duration
	events  []event
	history History

	times    []time.Duration // of the zxids
	states   map[string][]state
	keys     []string
	counter  int
	children map[string]bool
	changes  []change // of the ephemeral nodes
	owners   map[string]int64
	clients  []*simulated
	session  int64
	written  int64
}

// simulated is a client.
type simulated struct {
	number, left int
	session      int64
	view         int64      // the zxid that its session has seen
	read         *Operation // what its CAS is to be based on
	ephemeral    []string
}

// simulate records a workload of clients on registers. The ensemble is never
// wrong, views are behind, answers get lost, and what was not answered is done
// at once, later, or never.
func simulate(seed uint64, clients, operations, registers int, unknown float64) History {
	s := &simulation{
		random: rand.New(rand.NewPCG(seed, 1)), unknown: unknown, times: []time.Duration{0},
		states: map[string][]state{}, children: map[string]bool{}, owners: map[string]int64{},
		history: History{Registers: map[string]Register{}, Limit: simulatedLimit, Timeout: time.Minute},
	}
	for i := range registers {
		key := fmt.Sprintf("/drill/r%d", i)
		initial := Register{Value: int64(-1 - i)}
		s.keys = append(s.keys, key)
		s.history.Registers[key] = initial
		s.states[key] = []state{{initial, s.commit()}}
	}
	for i := range clients {
		c := &simulated{number: i, left: operations}
		s.clients = append(s.clients, c)
		s.renew(c)
		s.after(s.up(10), func() { s.step(c) })
	}
	for len(s.events) > 0 {
		next := s.events[0]
		s.events, s.now = s.events[1:], next.at
		next.do()
	}
	s.now += time.Second
	s.finish()
	return s.history
}

func (s *simulation) up(milliseconds int) time.Duration {
	return time.Duration(1+s.random.Int64N(int64(milliseconds)*1000)) * time.Microsecond
}

func (s *simulation) after(wait time.Duration, do func()) {
	e := event{s.now + wait, do}
	at, _ := slices.BinarySearchFunc(s.events, e, func(a, b event) int { return cmp.Compare(a.at, b.at) })
	s.events = slices.Insert(s.events, at, e)
}

func (s *simulation) commit() int64 {
	s.times = append(s.times, s.now)
	return int64(len(s.times) - 1)
}

// renew gives a client a new session, which may see less than its last one.
func (s *simulation) renew(c *simulated) {
	s.session++
	c.session, c.view, c.read, c.ephemeral = s.session, int64(len(s.keys)), nil, nil
}

// look moves a session's view forward, not always to the newest.
func (s *simulation) look(c *simulated) {
	newest := int64(len(s.times) - 1)
	oldest := newest
	for oldest > 1 && newest-oldest < 20 && s.times[oldest] > s.now-simulatedLag {
		oldest--
	}
	oldest = max(oldest, c.view)
	c.view = oldest + s.random.Int64N(newest-oldest+1)
}

// step begins the next operation of a client.
func (s *simulation) step(c *simulated) {
	if c.left--; c.left < 0 {
		return
	}
	o := &Operation{Client: c.number, Session: c.session, Start: s.now, Outcome: OK, Kind: Read, Key: s.keys[s.random.IntN(len(s.keys))]}
	wantsCAS := false
	switch pick := s.random.IntN(100); {
	case c.read != nil:
		o.Kind, o.Key, o.Expected, o.ExpectedVersion = CAS, c.read.Key, c.read.Value, c.read.Version
		c.read = nil
	case pick < 30:
	case pick < 50:
		wantsCAS = true
	case pick < 75:
		o.Kind = Write
	case pick < 85:
		o.Kind, o.Key = CreateSequential, "/drill/q"
	case pick < 90:
		s.written++
		o.Kind, o.Key = CreateEphemeral, fmt.Sprintf("/drill/e/%d", s.written)
	case pick < 93 && len(c.ephemeral) > 0:
		o.Kind, o.Key, c.ephemeral = Delete, c.ephemeral[0], c.ephemeral[1:]
	default:
		s.look(c)
		s.list(c)
	}
	if o.sets() {
		s.written++
		o.Value = s.written
	}
	effect, took := s.up(5), time.Duration(0)
	took = effect + s.up(5)
	lost := o.writes() && s.random.Float64() < s.unknown
	switch {
	case lost && s.random.IntN(8) == 0:
		o.Outcome = Refused
	case lost:
		if o.Outcome = Unknown; s.random.IntN(2) == 0 {
			late := *o
			s.after(s.up(60), func() { s.apply(c, &late) })
		}
	default:
		s.after(effect, func() { s.apply(c, o) })
	}
	s.after(took, func() {
		o.End = s.now
		s.history.Operations = append(s.history.Operations, *o)
		if wantsCAS {
			c.read = o
		}
		if o.Outcome == Unknown && s.random.IntN(3) == 0 {
			s.end(c)
		}
		s.after(s.up(3), func() { s.step(c) })
	})
}

// apply does what was asked for.
func (s *simulation) apply(c *simulated, o *Operation) {
	if o.reads() {
		s.look(c)
		states := s.states[o.Key]
		seen := len(states) - 1
		for states[seen].zxid > c.view {
			seen--
		}
		o.Value, o.Version, o.Zxid = states[seen].Value, states[seen].Version, states[seen].zxid
		return
	}
	if o.sets() {
		states := s.states[o.Key]
		now := states[len(states)-1]
		if o.Kind == CAS && now.Version != o.ExpectedVersion {
			o.Outcome = Failed
			return
		}
		o.Version, o.Zxid = now.Version+1, s.commit()
		s.states[o.Key] = append(states, state{Register{o.Value, o.Version}, o.Zxid})
	}
	switch o.Kind {
	case CreateSequential:
		o.Name = fmt.Sprintf("n-%010d", s.counter)
		s.counter++
		s.children[o.Name] = true
		o.Zxid = s.commit()
	case CreateEphemeral:
		if c.session != o.Session {
			return // it is over
		}
		o.Zxid = s.commit()
		c.ephemeral = append(c.ephemeral, o.Key)
		s.owners[o.Key] = o.Session
		s.changes = append(s.changes, change{o.Zxid, o.Key, true})
	case Delete:
		o.Zxid = s.commit()
		delete(s.owners, o.Key)
		s.changes = append(s.changes, change{o.Zxid, o.Key, false})
	}
	if o.Outcome == OK {
		c.view = max(c.view, o.Zxid)
	}
}

// end ends a session, of which its client is told later.
func (s *simulation) end(c *simulated) {
	zxid := s.commit()
	for name, owner := range s.owners {
		if owner == c.session {
			delete(s.owners, name)
			s.changes = append(s.changes, change{zxid, name, false})
		}
	}
	s.history.Sessions = append(s.history.Sessions, SessionEnd{c.session, c.number, s.now + s.up(10), "expired"})
	s.renew(c)
}
