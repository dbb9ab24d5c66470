package terraform

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

func TestLocked(t *testing.T) {
	t.Parallel()
	const text = "# This file\n\nprovider \"registry.terraform.io/hashicorp/aws\" {\n  version     = \"5.100.0\"\n  constraints = \">= 5.1\"\n}\n\n" +
		"provider \"registry.terraform.io/hashicorp/random\" {\n  version = \"3.7.2\"\n}\n"
	if got := Locked([]byte(text)); !maps.Equal(got, map[string]string{"aws": "5.100.0", "random": "3.7.2"}) {
		t.Errorf("got %v", got)
	}
	if got := Locked(nil); len(got) > 0 {
		t.Errorf("of nothing: %v", got)
	}
	for _, product := range []string{"baseline", "pipeline"} {
		shipped, err := os.ReadFile(filepath.Join("..", "..", "terraform", "products", product, LockFile))
		if err != nil || Locked(shipped)["aws"] == "" {
			t.Errorf("the shipped %s locks %v, %v", product, Locked(shipped), err)
		}
	}
}
