package history

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// Tree is what one server holds.
type Tree struct {
	Server string          `json:"server"`
	Start  time.Duration   `json:"start"` // when it began to be read
	Nodes  map[string]Node `json:"nodes"` // by path
}

// Node is a node as a server holds it. What is not recorded is zero with all.
type Node struct {
	Hash     string `json:"hash"` // of the value
	Version  int64  `json:"version"`
	Cversion int64  `json:"cversion"`
	Czxid    int64  `json:"czxid"`
	Mzxid    int64  `json:"mzxid"`
	Pzxid    int64  `json:"pzxid"`
	Owner    int64  `json:"owner"` // session of an ephemeral node
}

func (n Node) String() string {
	text := fmt.Sprintf("version %d of mzxid %#x with hash %s", n.Version, n.Mzxid, n.Hash)
	if n.Owner != 0 {
		text += fmt.Sprintf(" of session %#x", n.Owner)
	}
	return fmt.Sprintf("%s (cversion %d, czxid %#x, pzxid %#x)", text, n.Cversion, n.Czxid, n.Pzxid)
}

// checkTrees wants all servers to hold the same.
func checkTrees(trees []Tree) findings {
	var found findings
	paths := map[string]bool{}
	for _, t := range trees {
		for name := range t.Nodes {
			paths[name] = true
		}
	}
	for _, name := range slices.Sorted(maps.Keys(paths)) {
		servers := map[string][]string{} // by what they hold
		for _, t := range trees {
			holds := "nothing"
			if node, there := t.Nodes[name]; there {
				holds = node.String()
			}
			servers[holds] = append(servers[holds], t.Server)
		}
		if len(servers) < 2 {
			continue
		}
		var sides []string
		for _, holds := range slices.Sorted(maps.Keys(servers)) {
			sides = append(sides, fmt.Sprintf("%s: %s", strings.Join(servers[holds], " and "), holds))
		}
		slices.Sort(sides)
		found.add("the servers differ at %s; %s", name, strings.Join(sides, "; "))
	}
	return found
}

// checkKept wants every server to hold the last acknowledged write of every
// register, or a later one.
func checkKept(h History) findings {
	newest := map[string]Operation{}
	for _, o := range h.Operations {
		if last, known := newest[o.Key]; o.sets() && o.Outcome == OK && (!known || o.Version > last.Version) {
			newest[o.Key] = o
		}
	}
	var found findings
	for _, key := range slices.Sorted(maps.Keys(newest)) {
		for _, t := range h.Trees {
			node, there := t.Nodes[key]
			switch {
			case !there:
				found.add("%s is not on %s, which was written by %s", key, t.Server, newest[key])
			case node.Version < newest[key].Version:
				found.add("%s is at version %d on %s: %s is lost", key, node.Version, t.Server, newest[key])
			}
		}
	}
	return found
}
