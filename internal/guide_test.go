package internal_test

import (
	"os"
	"path"
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
