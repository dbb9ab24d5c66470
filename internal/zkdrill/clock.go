package zkdrill

import (
	"context"
	"strconv"
)

// mainClass is the program that a server's JVM runs.
const mainClass = "org.apache.zookeeper.server.quorum.QuorumPeerMain"

// jump has the leader's clock jump an hour ahead, then to an hour behind, then
// back.
func (s *scene) jump(ctx context.Context) error {
	half := strconv.Itoa(int(lasting.Seconds() / 2))
	return s.harm(ctx, s.leader, "clock", mainClass, half, "3600", "-3600")
}

// clockBack restarts the servers that had another clock, which is not part of
// what is measured: what let them have it stays in them, and whoever may log in
// to the host could use it.
func (s *scene) clockBack(ctx context.Context) error {
	var names []string
	for _, h := range s.ensemble.Servers {
		if s.hosts.Now(ctx, h, "agent", "java") == nil {
			names = append(names, h.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	return s.restart(ctx, names...)
}
