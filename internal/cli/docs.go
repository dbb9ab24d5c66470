package cli

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/cobra/doc"

	"infra/internal/fault"
)

// newDocsCommand is for whoever makes a release; people have --help.
func newDocsCommand(g *globals) *cobra.Command {
	return describe(&cobra.Command{
		Use:    "docs DIR",
		Short:  "Write man pages, completions and the command reference into a folder, as a release has them",
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if err := writeDocs(args[0], time.Unix(0, 0).UTC()); err != nil {
				return fault.New(fault.Failed, "write the documents", err, "")
			}
			g.con.Step("man pages, completions and the reference are in %s", args[0])
			return nil
		},
	}, "  infra docs build/docs")
}

// writeDocs writes man1/, completions/ and README.md. made is the date of the
// pages, so that the same commit makes the same files.
func writeDocs(dir string, made time.Time) error {
	root := newRootCommand(&globals{})
	var problems []error
	for _, name := range []string{"man1", "completions"} {
		problems = append(problems, os.MkdirAll(filepath.Join(dir, name), 0o755)) //nolint:gosec // G301: for everybody who has the release
	}
	root.DisableAutoGenTag = true
	problems = append(problems, doc.GenManTree(root, &doc.GenManHeader{Section: "1", Source: "infra " + version, Date: &made}, filepath.Join(dir, "man1")))
	for name, generate := range map[string]func(*bytes.Buffer) error{
		"infra.bash": func(b *bytes.Buffer) error { return root.GenBashCompletionV2(b, true) },
		"_infra":     func(b *bytes.Buffer) error { return root.GenZshCompletion(b) },
		"infra.fish": func(b *bytes.Buffer) error { return root.GenFishCompletion(b, true) },
		"infra.ps1":  func(b *bytes.Buffer) error { return root.GenPowerShellCompletionWithDesc(b) },
	} {
		var text bytes.Buffer
		problems = append(problems, generate(&text), publish(filepath.Join(dir, "completions", name), text.Bytes()))
	}
	problems = append(problems, publish(filepath.Join(dir, "README.md"), []byte(Reference())))
	return errors.Join(problems...)
}

// publish writes a file that everybody may read.
func publish(path string, text []byte) error {
	return os.WriteFile(path, text, 0o644) //nolint:gosec // G306: it is for everybody who has the release
}

// Reference is all commands with their help, as cmd/infra/README.md has them.
func Reference() string {
	root := newRootCommand(&globals{})
	var b strings.Builder
	b.WriteString("# Commands\n\n" + root.Long + "\n\nMade from the program: `RENEW=1 go test ./internal/cli -run Reference`. " +
		"Every command has `--help`; a release also has a man page for each.\n\nFlags that every command has:\n\n```text\n" +
		strings.TrimRight(root.PersistentFlags().FlagUsages(), "\n") + "\n```\n")
	var walk func(cmd *cobra.Command)
	walk = func(cmd *cobra.Command) {
		for _, child := range cmd.Commands() {
			if child.Hidden || child.Name() == "help" {
				continue
			}
			fmt.Fprintf(&b, "\n## %s\n\n%s.\n\n```text\n%s\n```\n", child.CommandPath(), child.Short, helpOf(child))
			walk(child)
		}
	}
	walk(root)
	return b.String()
}

// helpOf is a command's help without the flags that every command has, and
// without spaces at the ends of lines.
func helpOf(cmd *cobra.Command) string {
	var text bytes.Buffer
	cmd.SetOut(&text)
	if err := cmd.Help(); err != nil {
		return ""
	}
	var kept []string
	for line := range strings.Lines(text.String()) {
		line = strings.TrimRight(line, " \n")
		if line == "Global Flags:" || strings.HasPrefix(line, `Use "`) {
			break
		}
		kept = append(kept, line)
	}
	return strings.TrimSpace(strings.Join(kept, "\n"))
}
