package rebuild

import (
	"cmp"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// Kind is what a finding is about.
type Kind string

// The kinds.
const (
	Region   Kind = "region"
	Zone     Kind = "zone"
	Image    Kind = "image"
	Resource Kind = "resource" // the id of something that exists in one region only
	Setting  Kind = "setting"  // of an environment
)

// Finding is a place that only fits one region.
type Finding struct {
	File  string `json:"file"` // relative to the project
	Line  int    `json:"line"`
	Kind  Kind   `json:"kind"`
	Found string `json:"found"`
	Mend  string `json:"mend"`
}

// Place is the form that editors follow.
func (f Finding) Place() string { return fmt.Sprintf("%s:%d", f.File, f.Line) }

// exception in a line's comment says that the line is as it must be.
const exception = "rebuild:skip="

// pattern is a form that names of one region have.
type pattern struct {
	kind Kind
	form *regexp.Regexp
	mend string
}

// patterns are looked for in texts, the longer form of two that overlap first.
type patterns []pattern

func newPatterns() patterns {
	const region = `(?:us|eu|ap|ca|sa|af|me|il|mx|cn)(?:-gov|-isob?)?-(?:central|north|south|east|west|northeast|northwest|southeast|southwest)-[1-9]`
	return patterns{
		{Zone, regexp.MustCompile(`\b` + region + `[a-f]\b`), "make it of the region's variable and a letter"},
		{Zone, regexp.MustCompile(`\b(?:use|usw|euw|euc|eun|eus|aps|apse|apne|ape|cac|sae|afs|mes|mec|ilc)[0-9]-az[0-9]\b`), "look the zone up by its letter"},
		{Region, regexp.MustCompile(`\b` + region + `\b`), "use the region's variable: var.region in Terraform, infra_region in Ansible"},
		{Image, regexp.MustCompile(`\bami-[0-9a-f]{8}(?:[0-9a-f]{9})?\b`), "find the image by its owner and name: products.pipeline.image"},
		{Resource, regexp.MustCompile(`\b(?:vpc|subnet|sg|vol|snap|eipalloc|rtb|igw|nat|vpce|lt)-[0-9a-f]{8}(?:[0-9a-f]{9})?\b`), "take it from an output or a data source"},
	}
}

// within finds in a text what only fits one region; the same piece of it is
// told once.
func (all patterns) within(file string, line int, text string) []Finding {
	var found []Finding
	for _, p := range all {
		text = p.form.ReplaceAllStringFunc(text, func(hit string) string {
			found = append(found, Finding{file, line, p.kind, hit, p.mend})
			return ""
		})
	}
	return found
}

// Scan looks through the code of a project, Terraform and Ansible, for what
// only fits one region. Descriptions, comments and tests do not count.
func Scan(project fs.FS) ([]Finding, error) {
	var all []Finding
	look := newPatterns()
	for _, top := range []string{"terraform", "ansible"} {
		err := fs.WalkDir(project, top, func(name string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && (entry.Name() == "tests" || strings.HasPrefix(entry.Name(), ".")) {
				return fs.SkipDir
			}
			if entry.IsDir() || !scanned(name) {
				return nil
			}
			text, err := fs.ReadFile(project, name)
			if err != nil {
				return err
			}
			found := look.inText(name, string(text))
			if path.Ext(name) == ".tf" {
				if found, err = look.inTerraform(name, text); err != nil {
					return err
				}
			}
			all = append(all, found...)
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("look for what only fits one region: %w", err)
		}
	}
	return sorted(all), nil
}

// scanned tells whether a file is code that runs.
func scanned(name string) bool {
	if path.Base(name) == "argument_specs.yml" {
		return false
	}
	return slices.Contains([]string{".tf", ".tfvars", ".hcl", ".yml", ".yaml", ".j2", ".py", ".sh", ".cfg"}, path.Ext(name)) && path.Base(name) != ".terraform.lock.hcl"
}

// inText looks at the lines of a file without their comments.
func (all patterns) inText(name, text string) []Finding {
	var found []Finding
	begin := regexp.MustCompile(`(^|\s)#`)
	line := 0
	for raw := range strings.Lines(text) {
		line++
		code, comment := raw, ""
		if at := begin.FindStringIndex(raw); at != nil {
			code, comment = raw[:at[0]], raw[at[0]:]
		}
		if !strings.Contains(comment, exception) {
			found = append(found, all.within(name, line, code)...)
		}
	}
	return found
}

// inTerraform looks at the texts of a Terraform file: those that people alone
// read are left out.
func (all patterns) inTerraform(name string, text []byte) ([]Finding, error) {
	file, problems := hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	if problems.HasErrors() {
		return nil, fmt.Errorf("read %s: %w", name, problems)
	}
	body, native := file.Body.(*hclsyntax.Body)
	if !native {
		return nil, nil
	}
	lines := strings.Split(string(text), "\n")
	var found []Finding
	hclsyntax.VisitAll(body, func(node hclsyntax.Node) hcl.Diagnostics { //nolint:errcheck // it reports what the visitor does, which is nothing
		attribute, is := node.(*hclsyntax.Attribute)
		if !is || attribute.Name == "description" || attribute.Name == "error_message" {
			return nil
		}
		for _, t := range texts(attribute.Expr) {
			if line := t.SrcRange.Start.Line; !strings.Contains(lines[line-1], exception) {
				found = append(found, all.within(name, line, t.Val.AsString())...)
			}
		}
		return nil
	})
	return found, nil
}

// texts are the pieces of text in an expression that is written out.
func texts(expression hclsyntax.Expression) []*hclsyntax.LiteralValueExpr {
	var found []*hclsyntax.LiteralValueExpr
	hclsyntax.VisitAll(expression, func(node hclsyntax.Node) hcl.Diagnostics { //nolint:errcheck // as above
		if literal, is := node.(*hclsyntax.LiteralValueExpr); is && literal.Val.Type().FriendlyName() == "string" && !literal.Val.IsNull() {
			found = append(found, literal)
		}
		return nil
	})
	return found
}

// sorted orders findings by their place.
func sorted(all []Finding) []Finding {
	slices.SortStableFunc(all, func(a, b Finding) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Found, b.Found))
	})
	return slices.Compact(all)
}
