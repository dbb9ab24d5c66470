package supervise

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Program is what libraries start in place of a tool: the file that this
// program was started from. macOS has no way to start a file that was replaced
// since: a new infra would be the supervisor then, and one that was removed
// starts nothing.
var Program = executable() //nolint:gochecknoglobals // a constant that only the system knows

func executable() string {
	path, err := os.Executable()
	if err != nil {
		return os.Args[0]
	}
	return path
}

// outlive takes this process out of infra's process group. terraform-exec leaves
// it there on macOS, where what is typed at the terminal (Ctrl-\ ends, Ctrl-Z
// stops) reaches the whole group. Nothing kills it along with infra there.
func outlive() error {
	if err := unix.Setpgid(0, 0); err != nil {
		return fmt.Errorf("leave infra's process group: %w", err)
	}
	return nil
}
