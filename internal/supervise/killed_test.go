package supervise

import (
	"strconv"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/process"
)

// Terraform is killed just when it starts a provider: a provider that never
// heard from it would stay for ever.
func TestNothingOfAKilledToolIsLeft(t *testing.T) {
	s := begin(t, nil, "worker")
	pid, err := strconv.Atoi(s.wait(t, "worker"))
	if err != nil {
		t.Fatal(err)
	}
	worker, err := process.Of(pid)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.process(t, false).Signal(unix.SIGKILL); err != nil {
		t.Fatal(err)
	}
	if got := code(t, s.infra.Wait()); got != signalled+int(unix.SIGKILL) {
		t.Errorf("exit code %d", got)
	}
	if worker.Alive() {
		t.Error("what the tool had started still runs")
	}
}
