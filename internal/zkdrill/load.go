package zkdrill

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"

	"infra/internal/history"
	"infra/internal/ssh"
)

// root is where the drill works; nothing else is touched.
const root = "/infra-drill"

// How many clients there are, and registers they write.
const (
	clients   = 5
	registers = 5
)

// dial reaches a server by its address.
type dial func(ctx context.Context, address string) (net.Conn, error)

// load is the clients at work in a scenario, and what they were told.
type load struct {
	began      time.Time
	dial       dial
	servers    []string
	base       string
	registers  []string
	sequence   string
	ephemerals string
	initial    map[string]history.Register

	clients []*client
	stop    chan struct{}
	group   sync.WaitGroup
}

// now is the one clock of the record.
func (l *load) now() time.Duration { return time.Since(l.began) }

// silent keeps the library from writing to stderr.
type silent struct{}

func (silent) Printf(string, ...any) {}

// patience is how long a server may take to say its first word: the way to it
// is open before anybody knows whether it is there.
const patience = 2 * time.Second

// impatient ends the wait for the first word early.
type impatient struct {
	net.Conn
	heard bool
}

func (c *impatient) SetReadDeadline(t time.Time) error {
	if latest := time.Now().Add(patience); !c.heard && !t.IsZero() && t.After(latest) {
		t = latest
	}
	return c.Conn.SetReadDeadline(t)
}

func (c *impatient) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	c.heard = c.heard || n > 0
	return n, err
}

// order is a list of servers that begins elsewhere for every client. Only the
// library's own goroutine asks it.
type order struct {
	servers []string
	tried   int // the last one
	worked  int // the last one that a session was had with
}

// Init is called with the servers, which are known.
func (o *order) Init([]string) error { return nil }

// Len is how many there are.
func (o *order) Len() int { return len(o.servers) }

// Connected notes that the last one works.
func (o *order) Connected() { o.worked = o.tried }

// Next is the one to try now; around says that all were tried in vain.
func (o *order) Next() (server string, around bool) {
	o.tried = (o.tried + 1) % len(o.servers)
	around = o.tried == o.worked
	o.worked = max(o.worked, 0)
	return o.servers[o.tried], around
}

// connect opens a session, beginning with a server.
func (l *load) connect(servers []string, first int) (*zk.Conn, <-chan zk.Event, error) {
	provider := &order{servers: servers, tried: first - 1, worked: -1}
	return zk.Connect(servers, session, zk.WithLogInfo(false), zk.WithLogger(silent{}), zk.WithHostProvider(provider),
		zk.WithDialer(func(_, address string, timeout time.Duration) (net.Conn, error) {
			ctx, cancel := context.WithTimeout(context.Background(), timeout)
			defer cancel()
			conn, err := l.dial(ctx, address)
			if err != nil {
				return nil, err
			}
			return &impatient{Conn: conn}, nil
		}))
}

// begin makes the nodes of a scenario and sets the clients to work.
func begin(servers []string, number int, reach dial) (*load, error) {
	base := fmt.Sprintf("%s/%d", root, number)
	l := &load{
		began: time.Now(), dial: reach, servers: servers, base: base, sequence: base + "/sequence", ephemerals: base + "/ephemerals",
		initial: map[string]history.Register{}, stop: make(chan struct{}),
	}
	if err := l.prepare(); err != nil {
		return nil, fmt.Errorf("make the nodes of the drill: %w", err)
	}
	for i := range clients {
		c := &client{number: i, load: l, rand: rand.New(rand.NewPCG(uint64(number), uint64(i)))} //nolint:gosec // what clients do need not be secret
		conn, events, err := l.connect(servers, i)
		if err != nil {
			return nil, err
		}
		c.conn = conn
		l.clients = append(l.clients, c)
		go c.events(events, conn.SessionID)
		l.group.Go(func() { c.work(l.stop) })
	}
	return l, nil
}

// prepare makes the nodes anew.
func (l *load) prepare() error {
	conn, _, err := l.connect(l.servers, 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := removeAll(conn, l.base); err != nil {
		return err
	}
	for _, path := range []string{root, l.base, l.sequence, l.ephemerals} {
		if _, err := conn.Create(path, nil, 0, zk.WorldACL(zk.PermAll)); err != nil && !errors.Is(err, zk.ErrNodeExists) {
			return fmt.Errorf("%s: %w", path, err)
		}
	}
	for i := range registers {
		path := fmt.Sprintf("%s/register-%d", l.base, i)
		if _, err := conn.Create(path, encode(int64(i)), 0, zk.WorldACL(zk.PermAll)); err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		l.registers = append(l.registers, path)
		l.initial[path] = history.Register{Value: int64(i)}
	}
	return nil
}

// removeAll removes a node and what is below it.
func removeAll(conn *zk.Conn, path string) error {
	children, _, err := conn.Children(path)
	if errors.Is(err, zk.ErrNoNode) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, child := range children {
		if err := removeAll(conn, path+"/"+child); err != nil {
			return err
		}
	}
	if err := conn.Delete(path, -1); err != nil && !errors.Is(err, zk.ErrNoNode) {
		return err
	}
	return nil
}

// flows waits until every client has something acknowledged.
func (l *load) flows(ctx context.Context, limit time.Duration) error {
	const enough = 5
	deadline := time.Now().Add(limit)
	for {
		behind := 0
		for _, c := range l.clients {
			if c.acknowledged() < enough {
				behind++
			}
		}
		if behind == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("%d of %d clients get nothing acknowledged after %s: %s", behind, len(l.clients), limit, l.lastError())
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(100 * time.Millisecond):
		}
	}
}

func (c *client) acknowledged() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n := 0
	for _, o := range c.operations {
		if o.Outcome == history.OK {
			n++
		}
	}
	return n
}

func (l *load) lastError() string {
	for _, c := range l.clients {
		c.mu.Lock()
		for _, o := range slices.Backward(c.operations) {
			if o.Error != "" {
				c.mu.Unlock()
				return o.Error
			}
		}
		c.mu.Unlock()
	}
	return "no answer"
}

// end has the clients stop, closes their sessions and returns the record. What
// is under way is given a while to be answered.
func (l *load) end() history.History {
	close(l.stop)
	stopped := make(chan struct{})
	go func() { l.group.Wait(); close(stopped) }()
	select {
	case <-stopped:
	case <-time.After(2 * session):
	}
	h := history.History{Registers: l.initial, Limit: staleLimit, Timeout: time.Minute}
	for _, c := range l.clients {
		last := c.conn.SessionID()
		c.conn.Close() // what is still under way is answered by an error
		if last != 0 {
			c.end(last, "closed", session)
		}
	}
	<-stopped
	for _, c := range l.clients {
		c.mu.Lock()
		h.Operations = append(h.Operations, c.operations...)
		h.Listings = append(h.Listings, c.listings...)
		h.Sessions = append(h.Sessions, c.sessions...)
		c.mu.Unlock()
	}
	return h
}

// forward is a way to the servers by way of the bastion.
func forward(ctx context.Context, client *ssh.Client, e Ensemble) (*ssh.Forward, error) {
	return client.Forward(ctx, e.Client, e.addresses())
}
