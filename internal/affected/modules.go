package affected

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
	"github.com/hashicorp/hcl/v2/json"
	"github.com/zclconf/go-cty/cty"

	"infra/internal/fault"
)

// reference is a module block that takes its code from this project.
type reference struct{ label, folder string }

// reach finds every folder of which a root module is made.
func reach(tree fs.FS, root string) (folders, error) {
	top, err := references(tree, root)
	if err != nil {
		return nil, err
	}
	out := folders{}
	for _, layer := range top {
		// Each layer is followed by itself: a folder may belong to several.
		seen := map[string]bool{root: true}
		queue := []string{layer.folder}
		for len(queue) > 0 {
			folder := queue[0]
			queue = queue[1:]
			if seen[folder] {
				continue
			}
			seen[folder] = true
			if !slices.Contains(out[folder], layer.label) {
				out[folder] = append(out[folder], layer.label)
			}
			inner, err := references(tree, folder)
			if err != nil {
				return nil, err
			}
			for _, r := range inner {
				queue = append(queue, r.folder)
			}
		}
	}
	out[root] = nil
	return out, nil
}

// references reads the module blocks of one folder. Sources outside of the
// project are none of its files.
func references(tree fs.FS, folder string) ([]reference, error) {
	names, err := codeFiles(tree, folder)
	if err != nil {
		return nil, err
	}
	var out []reference
	for _, name := range names {
		found, err := referencesOf(tree, name)
		if err != nil {
			return nil, fault.New(fault.Usage, "read the modules of "+folder, err, "terraform fmt -check "+folder+", then infra validate")
		}
		out = append(out, found...)
	}
	return out, nil
}

// moduleBlock is all that is read of a Terraform file.
func moduleBlock() *hcl.BodySchema {
	return &hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "module", LabelNames: []string{"name"}}}}
}

func referencesOf(tree fs.FS, name string) ([]reference, error) {
	_, file, err := parseCode(tree, name)
	if err != nil {
		return nil, err
	}
	content, _, problems := file.Body.PartialContent(moduleBlock())
	if problems.HasErrors() {
		return nil, first(problems)
	}
	var out []reference
	for _, block := range content.Blocks {
		source, err := sourceOf(block)
		if err != nil {
			return nil, err
		}
		if !strings.HasPrefix(source, "./") && !strings.HasPrefix(source, "../") {
			continue
		}
		folder := path.Join(path.Dir(name), source)
		if folder == ".." || strings.HasPrefix(folder, "../") {
			return nil, fmt.Errorf("%s: module %q takes its code from %s, which is outside of the project: nobody can tell when it changes", name, block.Labels[0], source)
		}
		out = append(out, reference{block.Labels[0], folder})
	}
	return out, nil
}

// parseCode reads one Terraform file.
func parseCode(tree fs.FS, name string) ([]byte, *hcl.File, error) {
	text, err := fs.ReadFile(tree, name)
	if err != nil {
		return nil, nil, err
	}
	parse := func(text []byte, name string) (*hcl.File, hcl.Diagnostics) {
		return hclsyntax.ParseConfig(text, name, hcl.InitialPos)
	}
	if strings.HasSuffix(name, ".json") {
		parse = json.Parse
	}
	file, problems := parse(text, name)
	if problems.HasErrors() {
		return nil, nil, first(problems)
	}
	return text, file, nil
}

// sourceOf is the source of a module block, which Terraform wants to be
// written out.
func sourceOf(block *hcl.Block) (string, error) {
	content, _, problems := block.Body.PartialContent(&hcl.BodySchema{Attributes: []hcl.AttributeSchema{{Name: "source", Required: true}}})
	if problems.HasErrors() {
		return "", first(problems)
	}
	value, problems := content.Attributes["source"].Expr.Value(nil)
	if problems.HasErrors() {
		return "", first(problems)
	}
	if value.Type() != cty.String || value.IsNull() {
		return "", fmt.Errorf("%s: the source of module %q is no text", block.DefRange, block.Labels[0])
	}
	return value.AsString(), nil
}

// first is the first of the problems, with its place.
func first(problems hcl.Diagnostics) error {
	for _, p := range problems {
		if p.Severity == hcl.DiagError {
			return errors.New(p.Error())
		}
	}
	return problems
}
