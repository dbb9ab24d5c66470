package main

import (
	"bufio"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// faultsFile says of every fault that infra must survive which tests prove it:
//
//	NUMBER TEXT
//	    FOLDER TEST[/SUBTEST]
const faultsFile = "testdata/faults.txt"

// faultRows is how many faults there are.
const faultRows = 58

// faultRow is one row of the table.
type faultRow struct {
	number int
	text   string
	tests  []faultTest
}

// faultTest names a test: a folder below the top of the repository, and what
// `go test -run` wants.
type faultTest struct {
	folder  string // internal/run
	name    string // TestRow23LostAnswers, FuzzLoad
	subtest string // how the names of the subtests begin, with _ for spaces; empty: the whole test
}

func (f faultTest) String() string {
	if f.subtest == "" {
		return f.folder + " " + f.name
	}
	return f.folder + " " + f.name + "/" + f.subtest
}

// readFaults reads the table.
func readFaults() (rows []faultRow, err error) {
	file, err := os.Open(faultsFile)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	lines := bufio.NewScanner(file)
	for number := 1; lines.Scan(); number++ {
		line := lines.Text()
		switch fields := strings.Fields(line); {
		case len(fields) == 0 || line[0] == '#':
		case line[0] == ' ' && len(fields) == 2 && len(rows) > 0:
			name, subtest, _ := strings.Cut(fields[1], "/")
			last := &rows[len(rows)-1]
			last.tests = append(last.tests, faultTest{folder: fields[0], name: name, subtest: subtest})
		case line[0] != ' ' && len(fields) > 1:
			row, err := strconv.Atoi(fields[0])
			if err != nil {
				return nil, fmt.Errorf("%s:%d: %w", faultsFile, number, err)
			}
			rows = append(rows, faultRow{number: row, text: strings.Join(fields[1:], " ")})
		default:
			return nil, fmt.Errorf("%s:%d: not a row and not a test of one", faultsFile, number)
		}
	}
	return rows, lines.Err()
}

// TestFaultTable holds the table against the tests there are: no row is
// missing or unproven, no named test is gone, and a test that carries a row's
// number in its name is in that row.
func TestFaultTable(t *testing.T) {
	rows, err := readFaults()
	if err != nil {
		t.Fatal(err)
	}
	tests := testsByFolder(t)
	listed := map[string]bool{}
	for i, row := range rows {
		if row.number != i+1 {
			t.Errorf("row %d stands in place %d", row.number, i+1)
		}
		if len(row.tests) == 0 {
			t.Errorf("no test proves row %d, %s", row.number, row.text)
		}
		for _, test := range row.tests {
			listed[fmt.Sprint(row.number, " ", test.folder, " ", test.name)] = true
			if !slices.Contains(tests[test.folder], test.name) {
				t.Errorf("row %d: there is no test %s", row.number, test)
			}
			if test.name == "TestScript" {
				if _, err := os.Stat("testdata/script/" + test.subtest + ".txtar"); err != nil {
					t.Errorf("row %d: %v", row.number, err)
				}
			}
		}
	}
	if len(rows) != faultRows {
		t.Errorf("the table has %d rows, want %d", len(rows), faultRows)
	}
	numbers := regexp.MustCompile(`Row(\d\d)`)
	for folder, names := range tests {
		for _, name := range names {
			for _, found := range numbers.FindAllStringSubmatch(name, -1) {
				row := strings.TrimLeft(found[1], "0")
				if !listed[row+" "+folder+" "+name] {
					t.Errorf("%s %s is not in row %s of %s", folder, name, row, faultsFile)
				}
			}
		}
	}
}

// testsByFolder finds the tests and fuzz targets of the repository that need
// no sandbox, by folder.
func testsByFolder(t *testing.T) map[string][]string {
	t.Helper()
	found := map[string][]string{}
	for _, root := range []string{"cmd", "internal"} {
		err := filepath.WalkDir(filepath.Join("../..", root), func(path string, entry os.DirEntry, err error) error {
			if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
				return err
			}
			syntax, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.ParseComments|parser.SkipObjectResolution)
			if err != nil {
				return err
			}
			if tagged(syntax, "endtoend") {
				return nil
			}
			folder := filepath.ToSlash(strings.TrimPrefix(filepath.Dir(path), "../../"))
			for _, declaration := range syntax.Decls {
				function, isFunction := declaration.(*ast.FuncDecl)
				if isFunction && function.Recv == nil && (strings.HasPrefix(function.Name.Name, "Test") || strings.HasPrefix(function.Name.Name, "Fuzz")) {
					found[folder] = append(found[folder], function.Name.Name)
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return found
}

// tagged tells whether a file is built with a tag only.
func tagged(file *ast.File, tag string) bool {
	for _, group := range file.Comments {
		for _, comment := range group.List {
			if comment.Text == "//go:build "+tag {
				return true
			}
		}
	}
	return false
}
