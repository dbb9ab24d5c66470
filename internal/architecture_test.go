// Package internal_test asserts what the house rules say about the repository
// as a whole: which package may import which, how long a file may be, what
// stands at the top.
package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const (
	module   = "infra/"
	maxLines = 300
)

// floors is the house from the ground up. A package may import packages of
// lower floors only; below internal/sandbox the same holds among its rooms.
// A new package is added here, on the lowest floor that it fits.
func floors() [][]string {
	return [][]string{
		{"audit", "cidr", "drift", "fault", "history", "install", "maintenance", "parity", "process", "spelling"},
		{"console", "environment", "fleet", "outcome", "python", "stack", "trace", "upgrade"},
		{"account", "affected", "clone", "guard", "inventory", "metrics"},
		{"run", "state", "survey"},
		{"notify", "orphan", "supervise"},
		{"ansible", "bundle", "git", "packer", "ssh", "terraform"},
		{"sandbox/emulator/awsapi"},
		{"sandbox/emulator"},
		{"sandbox/network", "sandbox/proxy", "sandbox/services", "sandbox/volume"},
		{"sandbox/engine", "sandbox/host"},
		{"sandbox/image", "sandbox/reconcile"},
		{"sandbox"},
		{"drill", "emr", "postgresql", "snapshot", "zookeeper"},
		{"pgdrill", "preflight", "provision", "status", "zkdrill"},
		{"restore"},
		{"doctor", "report"},
		{"rollout"},
		{"bench", "ci", "temporal"},
		{"cli"},
	}
}

// owners says which packages alone may import a dependency.
func owners() map[string][]string {
	return map[string][]string{
		"github.com/spf13/cobra":              {"cli"},
		"github.com/spf13/pflag":              {"cli"},
		"github.com/hashicorp/terraform-exec": {"terraform"},
		"github.com/hashicorp/hc-install":     {"terraform"},
		"github.com/apenella/go-ansible":      {"ansible"},
		"github.com/docker/docker":            {"sandbox"},
		"github.com/miekg/dns":                {"sandbox"},
		"github.com/anishathalye/porcupine":   {"history"},
		"github.com/go-zookeeper/zk":          {"zkdrill"},
		"github.com/hashicorp/hcl/v2":         {"affected", "packer", "terraform"},
		"github.com/prometheus":               {"metrics"},
		"go.opentelemetry.io":                 {"trace"},
		"go.temporal.io":                      {"temporal"},
		"gopkg.in/yaml.v3":                    {"affected", "cli", "clone", "environment", "inventory", "sandbox"},
	}
}

// pure packages decide and never act: neither they nor what they import reach
// for these.
func pure() []string {
	return []string{"affected", "audit", "cidr", "drift", "fault", "fleet", "guard", "history", "install", "inventory", "maintenance", "outcome", "parity", "spelling", "stack"}
}

func impure() []string {
	return []string{"os", "os/exec", "net", "net/http", "syscall", "golang.org/x/sys", "github.com/aws"}
}

// file is one Go file of the repository.
type file struct {
	path    string // from the top, with slashes
	folder  string // below internal, "" elsewhere
	test    bool
	lines   int
	imports []string
	syntax  *ast.File
}

// goFiles reads every Go file of the repository once.
func goFiles(t *testing.T) []file {
	t.Helper()
	top := os.DirFS("..")
	var files []file
	for _, root := range []string{"cmd", "internal"} {
		err := fs.WalkDir(top, root, func(path string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() && entry.Name() == "testdata" {
				return fs.SkipDir
			}
			if entry.IsDir() || !strings.HasSuffix(path, ".go") {
				return nil
			}
			text, err := fs.ReadFile(top, path)
			if err != nil {
				return err
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			found := file{
				path: path, test: strings.HasSuffix(path, "_test.go"),
				lines: strings.Count(string(text), "\n"), syntax: syntax,
			}
			if folder, inside := strings.CutPrefix(filepath.ToSlash(filepath.Dir(path)), "internal/"); inside {
				found.folder = folder
			}
			for _, spec := range syntax.Imports {
				name, err := strconv.Unquote(spec.Path.Value)
				if err != nil {
					return err
				}
				found.imports = append(found.imports, name)
			}
			files = append(files, found)
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return files
}

// within reports whether a path is a package or below it.
func within(path, root string) bool {
	return path == root || strings.HasPrefix(path, root+"/")
}

func TestImportsPointDown(t *testing.T) {
	t.Parallel()
	floor := map[string]int{}
	for number, packages := range floors() {
		for _, name := range packages {
			floor[name] = number
		}
	}
	for _, file := range goFiles(t) {
		if file.folder == "" {
			continue
		}
		own, listed := floor[file.folder]
		if !listed {
			t.Errorf("%s: package %s stands on no floor: add it to floors()", file.path, file.folder)
			continue
		}
		for _, name := range file.imports {
			target, inside := strings.CutPrefix(name, module+"internal/")
			// An external test package imports the one it tests.
			if !inside || (file.test && target == file.folder) {
				continue
			}
			if floor[target] >= own {
				t.Errorf("%s imports %s, which is not below it", file.path, name)
			}
		}
	}
}

func TestDependenciesHaveOneOwner(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		for dependency, allowed := range owners() {
			imported := slices.ContainsFunc(file.imports, func(name string) bool { return within(name, dependency) })
			owned := slices.ContainsFunc(allowed, func(name string) bool { return within(file.folder, name) })
			if imported && !owned && !file.test {
				t.Errorf("%s imports %s, which belongs to %s", file.path, dependency, strings.Join(allowed, ", "))
			}
		}
	}
}

func TestPurePackagesStayPure(t *testing.T) {
	t.Parallel()
	imports := map[string][]string{}
	for _, file := range goFiles(t) {
		if !file.test && file.folder != "" {
			imports[file.folder] = append(imports[file.folder], file.imports...)
		}
	}
	var reach func(name string, seen map[string]bool)
	reach = func(name string, seen map[string]bool) {
		for _, next := range imports[name] {
			if seen[next] {
				continue
			}
			seen[next] = true
			if inner, inside := strings.CutPrefix(next, module+"internal/"); inside {
				reach(inner, seen)
			}
		}
	}
	for _, name := range pure() {
		seen := map[string]bool{}
		reach(name, seen)
		for dependency := range seen {
			for _, forbidden := range impure() {
				if dependency == forbidden || (strings.Contains(forbidden, ".") && within(dependency, forbidden)) {
					t.Errorf("%s is pure and must not reach %s", name, dependency)
				}
			}
		}
	}
}

func TestNoShell(t *testing.T) {
	t.Parallel()
	shells := []string{`"sh"`, `"bash"`, `"dash"`, `"/bin/sh"`, `"/bin/bash"`, `"/usr/bin/bash"`}
	for _, file := range goFiles(t) {
		if file.test {
			continue // a stand-in for a server may be a shell
		}
		ast.Inspect(file.syntax, func(node ast.Node) bool {
			call, isCall := node.(*ast.CallExpr)
			if !isCall {
				return true
			}
			selector, isSelector := call.Fun.(*ast.SelectorExpr)
			if !isSelector || (selector.Sel.Name != "Command" && selector.Sel.Name != "CommandContext") {
				return true
			}
			for _, argument := range call.Args {
				if literal, isLiteral := argument.(*ast.BasicLit); isLiteral && slices.Contains(shells, literal.Value) {
					t.Errorf("%s runs a shell: %s", file.path, literal.Value)
				}
			}
			return true
		})
	}
}

func TestFilesAreShort(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		if file.lines >= maxLines {
			t.Errorf("%s has %d lines, the limit is %d: split it by subject", file.path, file.lines, maxLines)
		}
	}
}

func TestPackagesAreNouns(t *testing.T) {
	t.Parallel()
	for _, file := range goFiles(t) {
		switch name := strings.TrimSuffix(file.syntax.Name.Name, "_test"); name {
		case "util", "utils", "common", "shared", "helper", "helpers", "misc", "base", "lib":
			t.Errorf("%s: package %s says nothing about what is in it", file.path, name)
		}
	}
}

func TestTopOfTheRepository(t *testing.T) {
	t.Parallel()
	want := []string{"Makefile", "README.md", "ansible", "cmd", "environments", "go.mod", "go.sum", "internal", "terraform"}
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, entry := range entries {
		// bin holds the built program and is ignored by git.
		if name := entry.Name(); !strings.HasPrefix(name, ".") && name != "bin" {
			got = append(got, name)
		}
	}
	if !slices.Equal(got, want) {
		t.Errorf("the top holds %v, it should hold %v", got, want)
	}
}
