package terraform

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// initDigest covers all that an init depends on: which modules, providers and
// backend the code asks for, the lock file, the backend's settings, the CLI
// configuration and the program. What else the code says is for the plan, so
// that a changed line of a resource costs no init.
func (w *Workspace) initDigest() (string, error) {
	sum := sha256.New()
	files := []string{w.Backend, filepath.Join(w.Root, ".terraform.lock.hcl")}
	if config := w.Environment["TF_CLI_CONFIG_FILE"]; config != "" {
		files = append(files, config)
	}
	_, _ = fmt.Fprintln(sum, w.Binary, Version) // a hash never fails to write
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return "", err
		}
		_, _ = fmt.Fprintf(sum, "%s %d\n", file, len(data))
		_, _ = sum.Write(data)
	}
	needs, err := treeNeeds(filepath.Dir(filepath.Dir(w.Root)))
	if err != nil {
		return "", err
	}
	for _, need := range needs {
		_, _ = fmt.Fprintf(sum, "%q\n", need)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// treeNeeds is what the code below a folder asks of an init, sorted, each
// once.
func treeNeeds(tree string) ([]string, error) {
	var needs []string
	err := filepath.WalkDir(tree, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		json := strings.HasSuffix(path, ".tf.json")
		if !json && !strings.HasSuffix(path, ".tf") {
			return nil
		}
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		asked := []string{string(data)}
		if !json {
			asked = fileNeeds(data)
		}
		for _, need := range asked {
			needs = append(needs, filepath.Dir(path)+" "+need)
		}
		return nil
	})
	slices.Sort(needs)
	return slices.Compact(needs), err
}

// fileNeeds is what a file asks of an init: all of it where it cannot be read,
// since then the init is to say so.
func fileNeeds(data []byte) []string {
	file, problems := hclsyntax.ParseConfig(data, "", hcl.InitialPos)
	body, ok := file.Body.(*hclsyntax.Body)
	if problems.HasErrors() || !ok {
		return []string{string(data)}
	}
	var needs []string
	for _, block := range body.Blocks {
		needs = append(needs, blockNeeds(block, data)...)
	}
	return needs
}

// blockNeeds is what a block asks of an init. A kind of block that is not known
// here asks for all that it says.
func blockNeeds(block *hclsyntax.Block, data []byte) []string {
	attribute := func(name string) string {
		if a, ok := block.Body.Attributes[name]; ok {
			return string(a.Expr.Range().SliceBytes(data))
		}
		return ""
	}
	switch block.Type {
	case "variable", "output", "locals":
		return nil
	case "resource", "data", "ephemeral":
		if len(block.Labels) == 0 {
			break
		}
		// Without a `provider` the type's first word names it.
		provider, _, _ := strings.Cut(block.Labels[0], "_")
		return []string{"provider " + provider + " " + attribute("provider")}
	case "module":
		return []string{fmt.Sprintf("module %q %s %s", block.Labels, attribute("source"), attribute("version"))}
	}
	return []string{string(block.Range().SliceBytes(data))}
}
