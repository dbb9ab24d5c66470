package cli

import (
	"bytes"

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
