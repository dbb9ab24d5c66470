package drill

import (
	"slices"
	"testing"
	"time"
)

// Whatever becomes of infra and of the program, systemd ends the harm.
func TestHarmEndsByItself(t *testing.T) {
	t.Parallel()
	got := Hosts{Program: "postgres", Folders: []string{"/var/lib/postgresql/15/main"}}.command("cut", 90*time.Second, []string{"both", "10.0.0.4"})
	want := []string{
		"systemd-run", "--quiet", "--collect", "--unit=infra-drill-cut", "--service-type=notify",
		"--property=RuntimeMaxSec=90", "--property=TimeoutStartSec=60", "--property=TimeoutStopSec=20",
		"--property=ExecStopPost=/usr/bin/python3 -I /run/infra-drill-fault.py heal postgres /var/lib/postgresql/15/main",
		"/usr/bin/python3", "-I", "/run/infra-drill-fault.py", "cut", "both", "10.0.0.4",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}
