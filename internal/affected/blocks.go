package affected

import (
	"io/fs"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"infra/internal/fault"
	"infra/internal/stack"
)

// Block is where the code describes a resource.
type Block struct {
	File  string // relative to the project
	Line  int
	Skips []Skip
}

// Skip is a comment in a block, in checkov's form, that a check of checkov's or
// a rule of the audit does not apply, and why.
type Skip struct {
	ID, Reason string
	Line       int
}

// Blocks are the blocks of all resources of a product, by their addresses
// without the keys of instances: module.vpc.module.bastion.aws_instance.this.
func Blocks(tree fs.FS, product string) (map[string]Block, error) {
	out := map[string]Block{}
	return out, blocksBelow(tree, stack.Stack{Product: product}.Source(), "", nil, out)
}

// blocksBelow follows a module's own modules; above are the folders that it was
// reached by, in none of which a module can lie that Terraform would accept.
func blocksBelow(tree fs.FS, folder, prefix string, above []string, out map[string]Block) error {
	if slices.Contains(above, folder) {
		return nil
	}
	names, err := codeFiles(tree, folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		if err := blocksOf(tree, name, prefix, out); err != nil {
			return fault.New(fault.Usage, "read the resources of "+folder, err, "terraform fmt -check "+folder+", then infra validate")
		}
	}
	inner, err := references(tree, folder)
	if err != nil {
		return err
	}
	for _, r := range inner {
		if err := blocksBelow(tree, r.folder, prefix+"module."+r.label+".", append(slices.Clone(above), folder), out); err != nil {
			return err
		}
	}
	return nil
}

func blocksOf(tree fs.FS, name, prefix string, out map[string]Block) error {
	text, file, err := parseCode(tree, name)
	if err != nil {
		return err
	}
	content, _, problems := file.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "resource", LabelNames: []string{"type", "name"}}}})
	if problems.HasErrors() {
		return first(problems)
	}
	for _, block := range content.Blocks {
		b := Block{File: name, Line: block.DefRange.Start.Line}
		if body, native := block.Body.(*hclsyntax.Body); native {
			b.Skips = skipsIn(text, block.DefRange.Start, body.SrcRange.End)
		}
		out[prefix+block.Labels[0]+"."+block.Labels[1]] = b
	}
	return nil
}

var skipComment = regexp.MustCompile(`#\s*(?:audit|checkov):skip=([\w-]+):(.*)`)

// skipsIn are the comments between two places of a file.
func skipsIn(text []byte, from, to hcl.Pos) []Skip {
	var skips []Skip
	for i, line := range strings.Split(string(text[from.Byte:to.Byte]), "\n") {
		if found := skipComment.FindStringSubmatch(line); found != nil {
			skips = append(skips, Skip{ID: found[1], Reason: strings.TrimSpace(found[2]), Line: from.Line + i})
		}
	}
	return skips
}

var instanceKey = regexp.MustCompile(`\[("(\\.|[^"\\])*"|[0-9]+)\]`)

// Unkeyed is an address without the keys of instances.
func Unkeyed(address string) string {
	address, _, _ = strings.Cut(address, " (deposed ")
	return instanceKey.ReplaceAllString(address, "")
}

// codeFiles are the files of a folder that Terraform reads.
func codeFiles(tree fs.FS, folder string) ([]string, error) {
	entries, err := fs.ReadDir(tree, folder)
	if err != nil {
		return nil, fault.New(fault.Usage, "read the modules of "+folder, err, "infra validate")
	}
	var names []string
	for _, entry := range entries {
		name := path.Join(folder, entry.Name())
		if !entry.IsDir() && (strings.HasSuffix(name, ".tf") || strings.HasSuffix(name, ".tf.json")) {
			names = append(names, name)
		}
	}
	return names, nil
}
