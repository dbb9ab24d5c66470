package stack_test

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"infra/internal/stack"
)

const products = "../../terraform/products"

// The tables must say what the Terraform tree does: its folders are the
// products, the states that one reads are its needs, and its modules are the
// layers.
func TestTablesMatchTerraform(t *testing.T) {
	entries, err := os.ReadDir(products)
	if err != nil {
		t.Fatal(err)
	}
	var folders []string
	for _, e := range entries {
		folders = append(folders, e.Name())
	}
	if want := stack.Products().Names(); !slices.Equal(folders, want) {
		t.Errorf("folders %v, products %v", folders, want)
	}
	for product, needs := range stack.Products() {
		code := source(t, product)
		if got := found(code, `(?m)^data "terraform_remote_state" "([a-z-]+)"`); !slices.Equal(got, needs) {
			t.Errorf("%s reads the states of %v, needs %v", product, got, needs)
		}
		if got, want := found(code, `(?m)^module "([a-z-]+)"`), stack.Layers(product).Names(); !slices.Equal(got, want) {
			t.Errorf("%s has modules %v, layers %v", product, got, want)
		}
	}
}

// source is the Terraform code of a product, its files one after the other.
func source(t *testing.T, product string) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(products, product, "*.tf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no code of %s: %v", product, err)
	}
	var all []byte
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		all = append(append(all, text...), '\n')
	}
	return string(all)
}

func found(code, pattern string) []string {
	var out []string
	for _, m := range regexp.MustCompile(pattern).FindAllStringSubmatch(code, -1) {
		out = append(out, m[1])
	}
	slices.Sort(out)
	return out
}
