package zkdrill

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/go-zookeeper/zk"
	"golang.org/x/sync/errgroup"

	"infra/internal/history"
)

// settle reads what is there in the end: registers and children by reads that
// are settled, ephemeral nodes until they are gone, and what each server
// holds. Nobody else writes any more.
func (l *load) settle(ctx context.Context, h *history.History) error {
	conn, _, err := l.connect(l.servers, 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	reader := &client{number: len(l.clients), conn: conn, load: l}
	start := l.now()
	if _, err := conn.Set(l.base, []byte("settled"), -1); err != nil {
		return fmt.Errorf("write after the repair: %w", err)
	}
	for _, register := range l.registers {
		if o := reader.read(history.SettledRead, register, start); o.Outcome != history.OK {
			return fmt.Errorf("read %s after the repair: %s", register, o.Error)
		}
	}
	children, _, err := conn.Children(l.sequence)
	if err != nil {
		return fmt.Errorf("list %s after the repair: %w", l.sequence, err)
	}
	h.Children = map[string][]string{l.sequence: children}
	if err := reader.gone(ctx); err != nil {
		return err
	}
	h.Operations = append(h.Operations, reader.operations...)
	h.Listings = append(h.Listings, reader.listings...)
	return l.trees(ctx, h)
}

// gone looks at the ephemeral nodes until there are none, or until there must
// not be any: then the last look tells.
func (c *client) gone(ctx context.Context) error {
	for deadline := c.load.now() + 2*session + staleLimit; ; {
		c.list()
		if n := len(c.listings); n > 0 && len(c.listings[n-1].Names) == 0 || c.load.now() > deadline {
			return nil
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// trees reads what every server holds.
func (l *load) trees(ctx context.Context, h *history.History) error {
	for _, server := range l.servers {
		conn, _, err := l.connect([]string{server}, 0)
		if err != nil {
			return err
		}
		tree, err := l.tree(ctx, conn, server)
		conn.Close()
		if err != nil {
			return fmt.Errorf("read what %s holds: %w", server, err)
		}
		h.Trees = append(h.Trees, tree)
	}
	return nil
}

func (l *load) tree(ctx context.Context, conn *zk.Conn, server string) (history.Tree, error) {
	tree := history.Tree{Server: server, Start: l.now(), Nodes: map[string]history.Node{}}
	if _, err := conn.Sync(l.base); err != nil {
		return tree, err
	}
	const atOnce = 16
	var mu sync.Mutex
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	var walk func(path string) error
	walk = func(path string) error {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		data, stat, err := conn.Get(path)
		if errors.Is(err, zk.ErrNoNode) {
			return nil // an ephemeral one that has just gone
		}
		if err != nil {
			return err
		}
		sum := sha256.Sum256(data)
		mu.Lock()
		tree.Nodes[path] = history.Node{
			Hash: hex.EncodeToString(sum[:8]), Version: int64(stat.Version), Cversion: int64(stat.Cversion),
			Czxid: stat.Czxid, Mzxid: stat.Mzxid, Pzxid: stat.Pzxid, Owner: stat.EphemeralOwner,
		}
		mu.Unlock()
		if stat.NumChildren == 0 {
			return nil
		}
		children, _, err := conn.Children(path)
		if err != nil {
			return err
		}
		for _, child := range children {
			// With all hands busy this one does it: none may wait for another.
			if !group.TryGo(func() error { return walk(path + "/" + child) }) {
				if err := walk(path + "/" + child); err != nil {
					return err
				}
			}
		}
		return nil
	}
	group.Go(func() error { return walk(l.base) })
	return tree, group.Wait()
}

// clean removes everything that the drill made, also what an earlier one left.
func clean(servers []string, reach dial) error {
	l := &load{began: time.Now(), dial: reach, servers: servers}
	conn, _, err := l.connect(servers, 0)
	if err != nil {
		return err
	}
	defer conn.Close()
	return removeAll(conn, root)
}
