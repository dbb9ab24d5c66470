package zkdrill

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strconv"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"infra/internal/history"
)

// client is one of the load's: it has one session at a time.
type client struct {
	number  int
	conn    *zk.Conn
	load    *load
	rand    *rand.Rand
	written int64 // values are numbered: each write has its own
	made    int   // ephemeral nodes
	held    []string

	mu         sync.Mutex
	operations []history.Operation
	listings   []history.Listing
	sessions   []history.SessionEnd
}

// events notes when sessions end.
func (c *client) events(events <-chan zk.Event, session func() int64) {
	var last int64
	for e := range events {
		switch e.State { //nolint:exhaustive // the others tell nothing of sessions
		case zk.StateHasSession:
			last = session()
		case zk.StateExpired:
			if last != 0 {
				c.end(last, "expired", 0)
			}
		}
	}
}

// end notes that a session is over when so much time has gone by.
func (c *client) end(session int64, reason string, later time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions = append(c.sessions, history.SessionEnd{Session: session, Client: c.number, Ended: c.load.now() + later, Reason: reason})
}

// work does one thing after the other until it is told to stop.
func (c *client) work(stop <-chan struct{}) {
	const pace = 40 * time.Millisecond
	for {
		select {
		case <-stop:
			return
		case <-time.After(pace):
		}
		c.step()
	}
}

// step does one thing, chosen by chance.
func (c *client) step() {
	register := c.load.registers[c.rand.IntN(len(c.load.registers))]
	switch n := c.rand.IntN(100); {
	case n < 20:
		c.write(register)
	case n < 45:
		c.compareAndSet(register)
	case n < 70:
		c.read(history.Read, register, c.load.now())
	case n < 80:
		c.createSequential()
	case n < 88:
		c.createEphemeral()
	case n < 93:
		c.deleteEphemeral()
	case n < 97:
		c.list()
	default:
		c.settledRead(register)
	}
}

// value is one that nobody has written or will write.
func (c *client) value() int64 {
	c.written++
	return int64(c.number+1)*1_000_000_000 + c.written
}

// asked records an operation whose answer is in. One that did not begin and end
// in the same session is of none: nothing is known of it.
func (c *client) asked(o history.Operation, session int64, err error) history.Operation {
	o.Client, o.End = c.number, c.load.now()
	o.Session, o.Outcome = session, outcome(err)
	if c.conn.SessionID() != session && o.Outcome == history.OK {
		o.Outcome = history.Unknown
	}
	if err != nil {
		o.Error = err.Error()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.operations = append(c.operations, o)
	return o
}

// outcome is what an answer means: only the ensemble can say that something
// was not done.
func outcome(err error) history.Outcome {
	switch {
	case err == nil:
		return history.OK
	case errors.Is(err, zk.ErrBadVersion), errors.Is(err, zk.ErrNoNode), errors.Is(err, zk.ErrNodeExists):
		return history.Failed
	default:
		return history.Unknown
	}
}

func (c *client) write(register string) history.Operation {
	o := history.Operation{Kind: history.Write, Key: register, Value: c.value(), Start: c.load.now()}
	session := c.conn.SessionID()
	stat, err := c.conn.Set(register, encode(o.Value), -1)
	if err == nil {
		o.Version, o.Zxid = int64(stat.Version), stat.Mzxid
	}
	return c.asked(o, session, err)
}

// compareAndSet reads and sets on the condition that nobody did meanwhile.
func (c *client) compareAndSet(register string) {
	read := c.read(history.Read, register, c.load.now())
	if read.Outcome != history.OK {
		return
	}
	o := history.Operation{
		Kind: history.CAS, Key: register, Value: c.value(), Expected: read.Value, ExpectedVersion: read.Version, Start: c.load.now(),
	}
	session := c.conn.SessionID()
	stat, err := c.conn.Set(register, encode(o.Value), int32(read.Version)) //nolint:gosec // a version is an int32 in ZooKeeper
	if err == nil {
		o.Version, o.Zxid = int64(stat.Version), stat.Mzxid
	}
	c.asked(o, session, err)
}

func (c *client) read(kind history.Kind, register string, start time.Duration) history.Operation {
	o := history.Operation{Kind: kind, Key: register, Start: start}
	session := c.conn.SessionID()
	data, stat, err := c.conn.Get(register)
	if err == nil {
		o.Version, o.Zxid = int64(stat.Version), stat.Mzxid
		if o.Value, err = decode(data); err != nil {
			o.Value = -1 // which nobody wrote
			err = nil
		}
	}
	return c.asked(o, session, err)
}

// settledRead reads what is newest: a write of the same session went before.
func (c *client) settledRead(register string) {
	session := c.conn.SessionID()
	w := c.write(register)
	if w.Outcome == history.OK && c.conn.SessionID() == session {
		c.read(history.SettledRead, register, w.Start)
	}
}

func (c *client) createSequential() {
	o := history.Operation{Kind: history.CreateSequential, Key: c.load.sequence, Start: c.load.now()}
	session := c.conn.SessionID()
	path, err := c.conn.Create(c.load.sequence+"/n-", nil, zk.FlagSequence, zk.WorldACL(zk.PermAll))
	if err == nil {
		o.Name = path[len(c.load.sequence)+1:]
	}
	c.asked(o, session, err)
}

func (c *client) createEphemeral() {
	c.made++
	path := fmt.Sprintf("%s/%d-%d", c.load.ephemerals, c.number, c.made)
	o := history.Operation{Kind: history.CreateEphemeral, Key: path, Start: c.load.now()}
	session := c.conn.SessionID()
	_, err := c.conn.Create(path, nil, zk.FlagEphemeral, zk.WorldACL(zk.PermAll))
	if c.asked(o, session, err).Outcome == history.OK {
		c.held = append(c.held, path)
	}
}

// deleteEphemeral deletes a node of the client's, when it holds several.
func (c *client) deleteEphemeral() {
	if len(c.held) < 3 {
		return
	}
	path := c.held[0]
	c.held = c.held[1:]
	o := history.Operation{Kind: history.Delete, Key: path, Start: c.load.now()}
	session := c.conn.SessionID()
	c.asked(o, session, c.conn.Delete(path, -1))
}

// list looks at the ephemeral nodes of all.
func (c *client) list() {
	l := history.Listing{Client: c.number, Parent: c.load.ephemerals, Start: c.load.now()}
	l.Session = c.conn.SessionID()
	names, _, err := c.conn.Children(c.load.ephemerals)
	if l.Names, l.End = names, c.load.now(); err != nil || c.conn.SessionID() != l.Session {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.listings = append(c.listings, l)
}

func encode(value int64) []byte { return strconv.AppendInt(nil, value, 10) }

func decode(data []byte) (int64, error) { return strconv.ParseInt(string(data), 10, 64) }
