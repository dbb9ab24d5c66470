package cli

import (
	"github.com/spf13/cobra"

	"infra/internal/run"
)

// byHand are the flags of every command that changes by hand what otherwise looks
// after itself.
type byHand struct {
	wait        run.Wait
	autoApprove bool
	allowDirty  bool
	confirm     string
}

// byHandFlags adds the flags of every command that changes something by
// hand.
func byHandFlags(cmd *cobra.Command, o *byHand) {
	cmd.Flags().BoolVar(&o.autoApprove, "auto-approve", false, "do not ask (a protected environment asks all the same, see --confirm)")
	confirmFlag(cmd, &o.confirm)
	dirtyFlag(cmd, &o.allowDirty)
	lockFlag(cmd, &o.wait)
}
