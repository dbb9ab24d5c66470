package cli

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/provision"
)

func newStateRestoreCommand(g *globals) *cobra.Command {
	var o stateOptions
	cmd := describe(&cobra.Command{
		Use:   "restore ENV [VERSION]",
		Short: "Put an earlier version of a state back, after a plan with it",
		Long: `VERSION is one of infra state history. Without it, a state that is missing, empty or corrupt is replaced by its
newest good version. The version's content comes back under a new, higher serial; what the next apply would do with
it is shown and asked about first.`,
		Args: cobra.RangeArgs(1, 2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateRestore(cmd.Context(), g, o, args[0], args[1:])
		},
	}, "  infra state restore prod --product pipeline\n  infra state restore prod 3HL4kqtJlcpXroDTDmJ --product pipeline", stateCodes()...)
	stateFlags(cmd, &o)
	return cmd
}

func runStateRestore(ctx context.Context, g *globals, o stateOptions, name string, version []string) error {
	if o.product == "" {
		return fault.New(fault.Usage, "restore a state of "+name, errors.New("its product is not named"), "add --product, as in: infra state restore "+name+" --product pipeline")
	}
	chosen := ""
	if len(version) > 0 {
		chosen = version[0]
	}
	return replaceState(ctx, g, name, o, func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error) {
		return p.RestoreState(ctx, o.product, chosen, o.wait, approve)
	})
}

func newStateEditCommand(g *globals) *cobra.Command {
	var o stateOptions
	var file string
	cmd := describe(&cobra.Command{
		Use:   "edit ENV",
		Short: "Edit a state by hand, safely: checked, planned with, approved, undoable",
		Long: `Opens a copy of the state in $VISUAL, or $EDITOR, or vi. What comes back must be sound: JSON, format version, lineage,
addresses, providers and references. Then it is planned with, shown and asked about. The copy is readable by you
alone; it has secrets in clear and is kept only when the edit comes to nothing, for --file.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error { return runStateEdit(cmd.Context(), g, o, args[0], file) },
	}, "  infra state edit prod --product pipeline\n  infra state edit prod --product pipeline --file edited.json", stateCodes()...)
	stateFlags(cmd, &o)
	cmd.Flags().StringVar(&file, "file", "", "take the edited state from this file instead of opening an editor")
	return cmd
}

func runStateEdit(ctx context.Context, g *globals, o stateOptions, name, file string) error {
	p, err := connect(ctx, g, name)
	if err != nil {
		return err
	}
	if o.product, err = onlyProduct(ctx, p, o.product); err != nil {
		return err
	}
	var edit provision.Editor
	if file == "" {
		if edit, err = editor(g); err != nil {
			return err
		}
	}
	return replaceState(ctx, g, name, o, func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error) {
		return p.EditState(ctx, o.product, file, o.wait, edit, approve)
	})
}

func newStateMvCommand(g *globals) *cobra.Command {
	var o stateOptions
	cmd := describe(&cobra.Command{
		Use:   "mv ENV FROM TO",
		Short: "Give a resource another address in the state, without touching the resource",
		Long: `For a resource that was renamed or moved in the code. A ` + "`moved`" + ` block in the code does the same in an ordinary apply
and is the better way where it can be used.`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateMv(cmd.Context(), g, o, args[0], args[1], args[2])
		},
	}, "  infra state mv prod aws_s3_bucket.old aws_s3_bucket.new", stateCodes()...)
	stateFlags(cmd, &o)
	return cmd
}

func runStateMv(ctx context.Context, g *globals, o stateOptions, name, from, to string) error {
	return replaceState(ctx, g, name, o, func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error) {
		product, _, err := p.StateOf(ctx, one(o.product), from)
		if err != nil {
			return nil, err
		}
		return p.MoveState(ctx, product, from, to, o.wait, approve)
	})
}

func newStateRmCommand(g *globals) *cobra.Command {
	var o stateOptions
	cmd := describe(&cobra.Command{
		Use:   "rm ENV ADDRESS...",
		Short: "Make the state forget a resource; the resource itself stays",
		Args:  cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateRm(cmd.Context(), g, o, args[0], args[1:])
		},
	}, "  infra state rm prod module.vpc.aws_eip.old", stateCodes()...)
	stateFlags(cmd, &o)
	return cmd
}

func runStateRm(ctx context.Context, g *globals, o stateOptions, name string, addresses []string) error {
	return replaceState(ctx, g, name, o, func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error) {
		product := o.product
		for _, address := range addresses {
			in, _, err := p.StateOf(ctx, one(product), address)
			if err != nil {
				return nil, err
			}
			product = in // all of them are of one state
		}
		return p.RemoveState(ctx, product, addresses, o.wait, approve)
	})
}

func newStateImportCommand(g *globals) *cobra.Command {
	var o stateOptions
	cmd := describe(&cobra.Command{
		Use:   "import ENV ADDRESS ID",
		Short: "Take a resource that exists into the state",
		Long: `ADDRESS must be in the code; ID is what the AWS provider imports the resource by (see its documentation). The plan
shows whether the resource is as the code says.`,
		Args: cobra.ExactArgs(3),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStateImport(cmd.Context(), g, o, args[0], args[1], args[2])
		},
	}, "  infra state import prod aws_sns_topic.alerts arn:aws:sns:eu-west-1:123456789012:prod-alerts --product baseline", stateCodes()...)
	stateFlags(cmd, &o)
	return cmd
}

func runStateImport(ctx context.Context, g *globals, o stateOptions, name, address, id string) error {
	product, err := provision.Importer(one(o.product), address)
	if err != nil {
		return err
	}
	return replaceState(ctx, g, name, o, func(p *provision.Platform, approve provision.ApproveState) (*provision.StateResult, error) {
		return p.ImportState(ctx, product, address, id, o.wait, approve)
	})
}

func newStatePushErroredCommand(g *globals) *cobra.Command {
	var o stateOptions
	cmd := describe(&cobra.Command{
		Use:   "push-errored ENV [FILE...]",
		Short: "Put back the state that Terraform could not save (exit code 6 of apply)",
		Long: `When S3 does not take a state at the end of an apply, the state stays in the run's directory on that machine, and the
environment is closed to other runs. This puts it where it belongs and opens the environment again. A state that
somebody has written since is left alone. FILE is needed only when the file was brought from another machine; its
name must be kept.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			return runStatePushErrored(cmd.Context(), g, o, args[0], args[1:])
		},
	}, "  infra state push-errored prod", stateCodes()...)
	lockFlag(cmd, &o.wait)
	return cmd
}

func runStatePushErrored(ctx context.Context, g *globals, o stateOptions, name string, files []string) error {
	p, err := begin(ctx, g, name, provision.Selection{})
	if err != nil {
		return err
	}
	pushed, err := p.PushErrored(ctx, files, o.wait)
	if err != nil {
		return err
	}
	if g.con.JSON() {
		return g.con.WriteJSON(pushedDocument(name, p.Run.ID, pushed))
	}
	for _, one := range pushed {
		g.con.Step("%s: the state from %s is in S3, serial %d", one.Stack, one.File, one.State.Serial)
	}
	g.con.Print("\nNext: infra plan " + name + "\n")
	return nil
}
