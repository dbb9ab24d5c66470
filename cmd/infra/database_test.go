//go:build endtoend

package main

import "testing"

// TestDatabase proves backups by restoring them, undamaged and damaged, and
// moves a database by snapshots: `make verify-postgresql`. It brings a sandbox
// of its own, since each of its steps restores a whole database.
func TestDatabase(t *testing.T) {
	p := newPlatform(t)
	p.run(t, 0, "apply", "e2e", "--auto-approve")
	for _, step := range []struct {
		name string
		test func(*testing.T, *platform)
	}{
		{"a backup is proven by its restore", verifiedRestore},
		{"a backup older than its limit is found", verifyOldBackup},
		{"a flipped bit in a backup is found", verifyFlippedByte},
		{"a missing WAL segment is found", verifyMissingWAL},
		{"a deleted canary is found", verifyLostCanary},
		{"a moment is restored to a host of its own", restoreToMoment},
		{"the contents of a server are checked from afar", contentsFromAfar},
		{"a database is moved by snapshots", movesADatabase},
		{"a node is replaced by a new instance", replacedNode},
	} {
		t.Run(step.name, func(t *testing.T) { step.test(t, p) })
	}
}
