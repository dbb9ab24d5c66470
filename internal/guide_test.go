package internal_test

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestEveryPackageIsInTheGuide wants each package of the house named in the
// guide to it: in a table, or in the picture of the sandbox.
func TestEveryPackageIsInTheGuide(t *testing.T) {
	guide, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, floor := range floors() {
		for _, name := range floor {
			room := path.Base(name)
			if !strings.Contains(string(guide), "`"+room+"`") && !strings.Contains(string(guide), room+"[") && !strings.Contains(string(guide), "["+room+":") {
				t.Errorf("README.md does not name package %s", name)
			}
		}
	}
}

// TestEveryInputIsInItsGuide wants each variable of a product or layer named in
// the README beside it, and each module of ours in the collection's.
func TestEveryInputIsInItsGuide(t *testing.T) {
	guided := map[string]*regexp.Regexp{
		"../terraform/*/*/*.tf": regexp.MustCompile(`(?m)^variable "(\w+)"`),
		"../ansible/collections/ansible_collections/infra/host/plugins/modules/*.py": regexp.MustCompile(`(?m)^module: (\w+)$`),
	}
	for pattern, named := range guided {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v, %d files", pattern, err, len(files))
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			beside := filepath.Dir(file)
			if strings.HasSuffix(file, ".py") {
				beside = filepath.Dir(filepath.Dir(beside))
			}
			guide, err := os.ReadFile(filepath.Join(beside, "README.md"))
			if err != nil {
				t.Fatal(err)
			}
			for _, found := range named.FindAllSubmatch(text, -1) {
				if name := regexp.QuoteMeta(string(found[1])); !regexp.MustCompile("[`.]" + name + "`").Match(guide) {
					t.Errorf("%s: README.md does not name %s", beside, found[1])
				}
			}
		}
	}
}
