package ci

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"infra/internal/fault"
	"infra/internal/guard"
	"infra/internal/report"
)

// Marker begins every comment, so that the next one can take its place.
const Marker = "<!-- infra ci plan -->"

// rowsShown is how many rows a table has before the rest is counted.
const rowsShown = 50

// Comment is a plan as one comment in Markdown of at most limit bytes: what
// is destroyed and replaced first, then counts, then the tasks of Ansible, then
// what could not be planned, then the diffs, as far as they fit. What was cut is
// named.
func Comment(p Plan, limit int) string {
	head := headline(p) + dangers(p) + counts(p) + tasks(p, limit/4) + removed(p)
	notes := ""
	for _, e := range p.Environments {
		notes += note(e)
	}
	foot := "\n" + footer(p)
	// Without its details even the plan of hundreds of environments is short;
	// should it not be, it ends where it must.
	room := limit - len(head) - len(notes) - len(foot)
	if room < cutRoom {
		const end = "\n\n**Cut: this comment would be longer than the service takes.** The rest is in the job's log and in its JSON.\n"
		return clip(head+notes, limit-len(end)-len(foot)) + end + foot
	}
	details, cut := diffs(p, room-cutRoom)
	return head + notes + details + cut + foot
}

// cutRoom is kept free for the note of what was cut.
const cutRoom = 2048

// clip ends a text at a line's end, within so many bytes.
func clip(text string, most int) string {
	if len(text) <= most {
		return text
	}
	text = text[:max(most, 0)]
	return text[:strings.LastIndexByte(text, '\n')+1]
}

func headline(p Plan) string {
	var differ, broken int
	for _, e := range p.Environments {
		switch fault.Code(e.Exit) {
		case fault.OK:
		case fault.Differences:
			differ++
		default:
			broken++
		}
	}
	var b strings.Builder
	b.WriteString(Marker + "\n## infra: ")
	switch {
	case len(p.Environments) == 0:
		b.WriteString("no environment is affected")
	case broken > 0:
		fmt.Fprintf(&b, "%d of %d affected environments could not be planned", broken, len(p.Environments))
	case differ > 0:
		fmt.Fprintf(&b, "%d of %d affected environments would change", differ, len(p.Environments))
	default:
		fmt.Fprintf(&b, "nothing would change in %d affected environments", len(p.Environments))
	}
	b.WriteString("\n\n")
	return b.String()
}

// dangers are the resources that would be destroyed or replaced.
func dangers(p Plan) string {
	var rows []string
	for _, e := range p.Environments {
		for _, s := range stacks(e) {
			for _, c := range s.Changes {
				if action := guard.Action(c.Action); action == guard.Delete || action == guard.Replace || action == guard.Forget {
					reason := strings.ReplaceAll(c.Reason, "_", " ")
					rows = append(rows, fmt.Sprintf("| **%s** | %s | %s | %s |\n", c.Action, cell(s.Stack), literal(c.Address), cell(reason)))
				}
			}
		}
	}
	if len(rows) == 0 {
		return ""
	}
	slices.Sort(rows) // delete, forget, replace
	text := fmt.Sprintf("### :warning: Destroys and replaces: %d\n\n| what | stack | address | why |\n|---|---|---|---|\n", len(rows))
	text += strings.Join(rows[:min(len(rows), rowsShown)], "")
	if more := len(rows) - rowsShown; more > 0 {
		text += fmt.Sprintf("\nand %d more.\n", more)
	}
	return text + "\n"
}

// counts is a table of all stacks.
func counts(p Plan) string {
	if len(p.Environments) == 0 {
		return ""
	}
	var b strings.Builder
	b.WriteString("| stack | destroy | replace | change | create | other | hosts to configure |\n|---|--:|--:|--:|--:|--:|---|\n")
	for _, e := range p.Environments {
		hosts := cell(list(e.Hosts, 5))
		if len(stacks(e)) == 0 {
			fmt.Fprintf(&b, "| %s | | | | | | %s |\n", cell(e.Name+": "+fault.Code(e.Exit).Meaning()), hosts)
		}
		for i, s := range stacks(e) {
			n := map[guard.Action]int{}
			for _, c := range s.Changes {
				n[guard.Action(c.Action)]++
			}
			other := ""
			switch rest := len(s.Changes) - n[guard.Delete] - n[guard.Replace] - n[guard.Update] - n[guard.Create]; {
			case s.Deferred != "":
				other = "waits: " + s.Deferred
			case rest > 0:
				other = fmt.Sprint(rest)
			case len(s.Changes) == 0 && s.OutputsChange:
				other = "outputs"
			}
			if i > 0 {
				hosts = ""
			}
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %s | %s |\n", cell(s.Stack), n[guard.Delete], n[guard.Replace], n[guard.Update], n[guard.Create], cell(other), hosts)
		}
	}
	return b.String() + "\n"
}

func stacks(e Environment) []report.StackPlan {
	if e.Plan == nil {
		return nil
	}
	return e.Plan.Stacks
}

func removed(p Plan) string {
	if len(p.Removed) == 0 {
		return ""
	}
	return "**Removed and acknowledged:** " + cell(strings.Join(p.Removed, ", ")) +
		". Nothing in their accounts is touched: what they were made of stays until `infra destroy` ends it from a commit that still has the file.\n\n"
}

// note is what a person must know of an environment beside the counts.
func note(e Environment) string {
	if e.Error == nil {
		return ""
	}
	text := "### " + cell(e.Name) + ": " + fault.Code(e.Exit).Meaning() + "\n\n" + fence("", clipWords(e.Error.Message, 4000))
	if e.Error.Hint != "" {
		text += "Next:\n\n" + fence("", clipWords(e.Error.Hint, 1000))
	}
	return text
}

// detail is one stack's diff that can be opened.
type detail struct {
	stack, text string
	dangerous   bool
}

// diffs are the plans in Terraform's own words: those that destroy first, then
// the short ones, so that as many as possible are whole.
func diffs(p Plan, room int) (text, cut string) {
	var all []detail
	for _, e := range p.Environments {
		for _, s := range stacks(e) {
			if e.Diffs[s.Stack] == "" {
				continue
			}
			dangerous := slices.ContainsFunc(s.Changes, func(c report.Change) bool {
				return guard.Action(c.Action) == guard.Delete || guard.Action(c.Action) == guard.Replace
			})
			all = append(all, detail{s.Stack, coloured(e.Diffs[s.Stack]), dangerous})
		}
	}
	slices.SortStableFunc(all, func(a, b detail) int {
		if a.dangerous != b.dangerous {
			return map[bool]int{true: -1, false: 1}[a.dangerous]
		}
		return cmp.Compare(len(a.text), len(b.text))
	})
	const least = 1000 // of a diff that is cut, to be worth a look
	var shortened, missing []string
	for _, d := range all {
		whole := d.show(d.text)
		if len(whole) <= room {
			text, room = text+whole, room-len(whole)
			continue
		}
		if room > 2*least {
			part := clip(d.text, room-least)
			lines := strings.Count(d.text, "\n") - strings.Count(part, "\n")
			part = d.show(part + fmt.Sprintf("... %d more lines\n", lines+1))
			if len(part) <= room {
				text, room = text+part, room-len(part)
				shortened = append(shortened, d.stack)
				continue
			}
		}
		missing = append(missing, d.stack)
	}
	if len(shortened) > 0 {
		cut += "\n**Cut** to what the service takes: the diff of " + cell(list(shortened, 10)) + ".\n"
	}
	if len(missing) > 0 {
		cut += "\n**Left out** for the same reason: the diffs of " + cell(list(missing, 20)) + ". They are in the job's JSON.\n"
	}
	return text, cut
}

func (d detail) show(text string) string {
	return "<details><summary>" + cell(d.stack) + "</summary>\n\n" + fence("diff", text) + "</details>\n\n"
}

// coloured moves Terraform's signs to the start of the line, where a diff has
// them.
func coloured(text string) string {
	sign := regexp.MustCompile(`(?m)^( *)(-/\+|\+/-|\+|-|~|<=)( )`)
	return sign.ReplaceAllStringFunc(text, func(found string) string {
		parts := sign.FindStringSubmatch(found)
		mark := map[string]string{"+": "+", "-": "-", "~": "!"}[parts[2]]
		if mark == "" {
			mark = "-" // replaced
			if parts[2] == "<=" {
				mark = " "
			}
		}
		return mark + parts[1] + strings.Repeat(" ", len(parts[2])-1) + parts[3]
	}) + "\n"
}

func footer(p Plan) string {
	var b strings.Builder
	for _, e := range p.Environments {
		if e.Plan != nil && e.Plan.Bundle != nil {
			fmt.Fprintf(&b, "%s: kept until %s, SHA-256 `%.12s`. ", cell(e.Name), e.Plan.Bundle.Expires.Format("2006-01-02 15:04 UTC"), e.Plan.Bundle.Digest)
		}
	}
	if b.Len() > 0 {
		b.WriteString("A merge plans again, and applies what does exactly the same, or refuses.\n\n")
	}
	fmt.Fprintf(&b, "<sub>commit %.12s</sub>\n", cell(p.Commit))
	if b.Len() > cutRoom {
		return fmt.Sprintf("The plans are kept; a merge plans again, and applies what does exactly the same, or refuses.\n\n<sub>commit %.12s</sub>\n", cell(p.Commit))
	}
	return b.String()
}
