package terraform

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"infra/internal/fault"
	"infra/internal/process"
)

// An interrupt in the very moment in which Terraform is being started: it never
// was, so that there is nothing to find out about.
func TestRow05AnInterruptBeforeTerraformBegins(t *testing.T) {
	for _, other := range []bool{false, true} {
		w := faked(t, "no word")
		early := filepath.Join(t.TempDir(), "early")
		w.Environment[dawdling] = early
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			eventually(t, "the supervisor is there", func() bool {
				_, err := os.Stat(early)
				return err == nil
			})
			if !other {
				cancel()
				return
			}
			children, err := process.Children()
			if err != nil || len(children) != 1 {
				t.Errorf("%+v, %v", children, err)
				return
			}
			if err := children[0].Signal(unix.SIGTERM); err != nil { // somebody's, not infra's
				t.Error(err)
			}
		}()
		_, err := w.Apply(ctx, "plan")
		cancel()
		want := fault.Interrupted
		if other {
			want = fault.Failed
		}
		if fault.CodeOf(err) != want || errors.Is(err, ErrUnknown) || !strings.Contains(fmt.Sprint(err), "nothing was changed") {
			t.Errorf("code %d: %v", fault.CodeOf(err), err)
		}
	}
}
