package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"infra/internal/fault"
	"infra/internal/runbook"
	"infra/internal/spelling"
)

func newRunbookCommand(g *globals) *cobra.Command {
	cmd := &cobra.Command{
		Use:   "runbook [ALARM | EXIT-CODE]",
		Short: "Say what an alarm or an exit code means, and what to type",
		Long: `Prints what to look at and what to type when an alarm goes off or a command ends with an exit code. ALARM is the name
that the alarm's description ends with, or the alarm's own. Without one it lists all. No account is asked.`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return showSections(g, runbook.Sections())
			}
			found := runbook.Find(args[0])
			if len(found) == 0 {
				return fault.New(fault.Usage, "", fmt.Errorf("the runbook has nothing on %q%s", args[0], spelling.Suggest(args[0], sectionNames())), "infra runbook")
			}
			return showFound(g, found)
		},
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]string, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return sectionNames(), cobra.ShellCompDirectiveNoFileComp
		},
	}
	return describe(cmd, "  infra runbook postgresql/archive-age\n  infra runbook infra-prod-postgresql-1-memory\n  infra runbook 6")
}

func sectionNames() []string {
	var names []string
	for _, s := range runbook.Sections() {
		names = append(names, s.Name)
	}
	return names
}

// showSections lists the sections with the first sentence of each.
func showSections(g *globals, sections []runbook.Section) error {
	if g.con.JSON() {
		return writeSections(g, sections)
	}
	for _, s := range sections {
		first, _, _ := strings.Cut(strings.ReplaceAll(s.Text, "\n", " "), ". ")
		if _, err := fmt.Fprintf(g.con.Out(), "%-30s %s\n", s.Name, strings.TrimSuffix(first, ".")); err != nil {
			return err
		}
	}
	return nil
}

// showFound prints whole sections, without the marks of Markdown.
func showFound(g *globals, sections []runbook.Section) error {
	if g.con.JSON() {
		return writeSections(g, sections)
	}
	for i, s := range sections {
		body := strings.NewReplacer("```sh\n", "", "\n```", "", "**", "", "`", "").Replace(s.Text)
		if i > 0 {
			body = "\n" + s.Name + "\n\n" + body
		} else {
			body = s.Name + "\n\n" + body
		}
		if _, err := fmt.Fprintln(g.con.Out(), body); err != nil {
			return err
		}
	}
	return nil
}

func writeSections(g *globals, sections []runbook.Section) error {
	type entry struct {
		Name string `json:"name"`
		Text string `json:"text"`
	}
	entries := make([]entry, 0, len(sections))
	for _, s := range sections {
		entries = append(entries, entry(s))
	}
	return g.con.WriteJSON(map[string]any{"schema": "infra/runbook/v1", "sections": entries})
}
