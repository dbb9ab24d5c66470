package cli

import (
	"bytes"
	"errors"

	"github.com/spf13/cobra"
)

// Commands are all commands that do something, as they are typed after
// `infra`. Hidden ones are left out.
func Commands() []string {
	var names []string
	var walk func(cmd *cobra.Command, path string)
	walk = func(cmd *cobra.Command, path string) {
		for _, child := range cmd.Commands() {
			name := path + child.Name()
			switch {
			case child.Hidden || child.Name() == "help":
			case child.HasSubCommands():
				walk(child, name+" ")
			default:
				names = append(names, name)
			}
		}
	}
	walk(newRootCommand(&globals{}), "")
	return names
}

// Help is the help text of a command; empty when there is no such command.
func Help(words ...string) string {
	root := newRootCommand(&globals{})
	cmd, rest, err := root.Find(words)
	if err != nil || len(rest) > 0 || cmd == root {
		return ""
	}
	var text bytes.Buffer
	cmd.SetOut(&text)
	if err := cmd.Help(); err != nil {
		return ""
	}
	return text.String()
}

// Check says what is wrong with a command line, as it is typed after `infra`,
// as far as that is known without running it.
func Check(words ...string) error {
	root := newRootCommand(&globals{})
	root.InitDefaultHelpCmd()
	cmd, rest, err := root.Find(words)
	if err != nil {
		return err
	}
	if !cmd.Runnable() {
		return errors.New("it does nothing by itself")
	}
	cmd.InitDefaultHelpFlag()
	if err := cmd.ParseFlags(rest); err != nil {
		return err
	}
	return errors.Join(cmd.ValidateArgs(cmd.Flags().Args()), cmd.ValidateRequiredFlags(), cmd.ValidateFlagGroups())
}
