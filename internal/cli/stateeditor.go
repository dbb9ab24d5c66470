package cli

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"infra/internal/fault"
	"infra/internal/provision"
	"infra/internal/report"
	"infra/internal/state"
)

// editor is the user's own: $VISUAL, or $EDITOR, or vi. Its command line is
// split here, without a shell.
func editor(g *globals) (provision.Editor, error) {
	command, err := words(cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"), "vi"))
	if err == nil && len(command) == 0 {
		err = errors.New("it is empty")
	}
	if err != nil {
		return nil, fault.New(fault.Usage, "read $VISUAL or $EDITOR", err, "export EDITOR=vi")
	}
	program, err := exec.LookPath(command[0])
	if err != nil {
		return nil, fault.New(fault.Usage, "find the editor", err, "export EDITOR=nano, or another that is installed; or edit the output of infra state pull and give it by --file")
	}
	return func(ctx context.Context, path string, problems []state.Problem) error {
		if len(problems) > 0 {
			var b strings.Builder
			b.WriteString("\nwhat was written is not sound:\n")
			for _, p := range problems {
				b.WriteString("  " + p.String() + "\n")
			}
			g.con.Print(b.String())
			if err := g.con.Confirm("Open it again?", "yes"); err != nil {
				return fault.New(fault.Refused, "edit the state", errors.New("what was written is not sound"), "")
			}
		}
		// The editor ends when its user ends it, not with a signal to infra.
		cmd := exec.CommandContext(context.WithoutCancel(ctx), program, append(command[1:], path)...)
		cmd.Stdin, cmd.Stdout, cmd.Stderr, cmd.Env = os.Stdin, os.Stderr, os.Stderr, withoutAWS(os.Environ())
		if err := cmd.Run(); err != nil {
			return fault.New(fault.Failed, "edit the state with "+command[0], err, "")
		}
		return nil
	}, nil
}

// withoutAWS leaves out what gives access to AWS: an editor needs none.
func withoutAWS(environment []string) []string {
	var kept []string
	for _, pair := range environment {
		if !strings.HasPrefix(pair, "AWS_") {
			kept = append(kept, pair)
		}
	}
	return kept
}

// words splits a command line as a POSIX shell would, and does nothing else a
// shell does: quotes and backslashes make one word of several.
func words(text string) ([]string, error) {
	var out []string
	var word strings.Builder
	inside, quote := false, rune(0)
	runes := []rune(text)
	for i := 0; i < len(runes); i++ {
		r := runes[i]
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case r == '\\' && quote != '\'':
			if i++; i == len(runes) {
				return nil, fmt.Errorf("%q ends with a backslash", text)
			}
			inside = true
			word.WriteRune(runes[i])
		case quote == 0 && (r == '"' || r == '\''):
			quote, inside = r, true
		case quote == 0 && (r == ' ' || r == '\t' || r == '\n'):
			if inside {
				out = append(out, word.String())
				word.Reset()
			}
			inside = false
		default:
			inside = true
			word.WriteRune(r)
		}
	}
	if quote != 0 {
		return nil, fmt.Errorf("%q has a quote that is not closed", text)
	}
	if inside {
		out = append(out, word.String())
	}
	return out, nil
}

// statePushed is `infra state push-errored --output json`.
type statePushed struct {
	Schema      string       `json:"schema"` // infra/state-pushed/v1
	Environment string       `json:"environment"`
	Run         string       `json:"run"`
	States      []pushedItem `json:"states"`
}

type pushedItem struct {
	Product string               `json:"product"`
	File    string               `json:"file"`
	Was     *report.StateVersion `json:"was,omitempty"`
	Now     *report.StateVersion `json:"now"`
}

func pushedDocument(environment, run string, pushed []provision.Pushed) statePushed {
	doc := statePushed{Schema: "infra/state-pushed/v1", Environment: environment, Run: run, States: []pushedItem{}}
	for _, one := range pushed {
		doc.States = append(doc.States, pushedItem{Product: one.Stack.Product, File: one.File, Was: report.VersionOf(one.Was), Now: report.VersionOf(one.State)})
	}
	return doc
}
