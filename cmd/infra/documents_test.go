package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"infra/internal/cli"
)

// TestDocumentsShowRealCommands has the program judge every command line that
// a document shows, in a block or within a sentence: the command, its flags and
// how many arguments it takes; and the Makefile every target.
func TestDocumentsShowRealCommands(t *testing.T) {
	targets := regexp.MustCompile(`(?m)^([a-z-]+):`).FindAllStringSubmatch(content(t, "../../Makefile"), -1)
	made := map[string]bool{}
	for _, target := range targets {
		made[target[1]] = true
	}
	judge := func(document, line string, whole bool) {
		switch words := wordsOf(line); {
		case words[0] == "make":
			for _, word := range words[1:] {
				if !strings.Contains(word, "=") && !made[word] {
					t.Errorf("%s: %s: there is no target %s", document, line, word)
				}
			}
		case strings.TrimPrefix(words[0], "bin/") != "infra":
			t.Errorf("%s: %s: nothing checks this command", document, line)
		case !whole && cli.Help(words[1:]...) != "": // a sentence may name a command without the arguments that it takes
		default:
			if err := cli.Check(words[1:]...); err != nil {
				t.Errorf("%s: %s: %v", document, line, err)
			}
		}
	}
	shown := map[string]int{}
	for _, document := range documents(t) {
		lines := blockLines(content(t, document))
		shown[document] = len(lines)
		for _, line := range lines {
			judge(document, line, true)
		}
		for _, line := range inlineCommands(content(t, document)) {
			judge(document, line, false)
		}
	}
	if shown["../../README.md"] < 8 || shown["../../internal/runbook/README.md"] < 60 {
		t.Errorf("too few commands were found: %v", shown)
	}
}

// TestShownCommandsAreTried wants every command of a block, with every flag that
// it has there, in what some test runs: those that only read are typed as they
// stand on hosts (typedDocuments), the others are what drills and scripts do.
func TestShownCommandsAreTried(t *testing.T) {
	tried := tests(t)
	names := cli.Commands()
	for _, document := range documents(t) {
		for _, line := range blockLines(content(t, document)) {
			words := wordsOf(strings.TrimPrefix(line, "bin/"))
			if words[0] != "infra" || typable(words) {
				continue
			}
			command := words[1:2]
			if len(words) > 2 && slices.Contains(names, strings.Join(words[1:3], " ")) {
				command = words[1:3]
			}
			quoted, typed := `"`+strings.Join(command, `", "`)+`"`, "infra "+strings.Join(command, " ")
			if !strings.Contains(tried, quoted) && !strings.Contains(tried, typed) {
				t.Errorf("%s: %s: no test runs this command", document, line)
			}
			for _, word := range words[1:] {
				flag, _, _ := strings.Cut(word, "=")
				if strings.HasPrefix(flag, "--") && !strings.Contains(tried, `"`+flag+`"`) && !strings.Contains(tried, " "+flag+" ") && !strings.Contains(tried, " "+flag+"\n") {
					t.Errorf("%s: %s: no test runs it with %s", document, line, flag)
				}
			}
		}
	}
}

// typable tells whether a line of a document can be typed as it stands: it only
// reads, and needs nobody at a terminal.
func typable(words []string) bool {
	reads := []string{
		"doctor", "emr status", "env list", "hosts", "output", "pg backups", "pg status", "plan", "runbook", "runs", "sandbox list",
		"schema", "snapshot plan", "ssh", "state history", "status", "validate", "zk status",
	}
	command := strings.Join(words[1:], " ")
	reading := slices.ContainsFunc(reads, func(read string) bool { return command == read || strings.HasPrefix(command, read+" ") })
	interactive := words[1] == "ssh" && !slices.Contains(words, "--")
	return words[0] == "infra" && reading && !interactive && !slices.Contains(words, "--out")
}

// tests is the text of all tests that run infra, and of the workflows' steps
// that they play.
func tests(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, pattern := range []string{"*_test.go", "testdata/script/*", "../../internal/ci/*.yml"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			all.WriteString(content(t, file))
		}
	}
	return all.String()
}

// documents are the Markdown files of the repository.
func documents(t *testing.T) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir("../..", func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && strings.HasPrefix(entry.Name(), ".") && entry.Name() != ".github" && entry.Name() != ".." && path != "../..":
			return fs.SkipDir
		case strings.HasSuffix(path, ".md"):
			out = append(out, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// blocks are the parts of a document that show what to type.
func blocks() *regexp.Regexp { return regexp.MustCompile("(?s)```sh\\n(.*?)\\n```") }

// blockLines are the lines of the blocks marked sh, without their comments
// and without what becomes of the output.
func blockLines(markdown string) []string {
	var out []string
	comment, piped := regexp.MustCompile(`(^|\s)#.*`), regexp.MustCompile(` [|>] .*`)
	for _, found := range blocks().FindAllStringSubmatch(markdown, -1) {
		for line := range strings.Lines(found[1]) {
			line = piped.ReplaceAllString(comment.ReplaceAllString(line, ""), "")
			if line = strings.TrimSpace(line); line != "" {
				out = append(out, line)
			}
		}
	}
	return out
}

// inlineCommands are what stands between backticks in sentences and begins
// with infra or make.
func inlineCommands(markdown string) []string {
	var out []string
	inline := regexp.MustCompile("`((?:(?:bin/)?infra|make) [a-z][^`\n]*)`")
	for _, found := range inline.FindAllStringSubmatch(blocks().ReplaceAllString(markdown, ""), -1) {
		out = append(out, found[1])
	}
	return out
}

// wordsOf are a command line's words; quotes hold no blanks in these documents.
func wordsOf(line string) []string {
	return strings.Fields(strings.NewReplacer("'", "", `"`, "").Replace(line))
}

func content(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestDocumentsLinkToWhatExists follows every relative link.
func TestDocumentsLinkToWhatExists(t *testing.T) {
	links := 0
	for _, document := range documents(t) {
		for _, found := range regexp.MustCompile(`\]\(([^)#\s]+)(?:#[^)]*)?\)`).FindAllStringSubmatch(content(t, document), -1) {
			if strings.Contains(found[1], "://") {
				continue
			}
			links++
			if _, err := os.Stat(filepath.Join(filepath.Dir(document), found[1])); err != nil {
				t.Errorf("%s links to %s, which does not exist", document, found[1])
			}
		}
	}
	if links < 10 {
		t.Errorf("only %d links were found", links)
	}
}
