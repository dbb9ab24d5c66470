//go:build endtoend

package main

import (
	"slices"
	"strings"
	"testing"
)

// typedDocuments types every command of the documents that only reads, with
// the environment that exists in place of the one that the documents name.
func typedDocuments(t *testing.T, p *platform) {
	reads := []string{
		"doctor", "emr status", "env list", "hosts", "output", "pg backups", "pg status", "plan", "runbook", "runs", "sandbox list",
		"schema", "snapshot plan", "ssh", "state history", "status", "validate", "zk status",
	}
	typed := map[string]bool{}
	for _, document := range documents(t) {
		for _, line := range blockLines(content(t, document)) {
			words := wordsOf(strings.TrimPrefix(line, "bin/"))
			command := strings.Join(words[1:], " ")
			reading := slices.ContainsFunc(reads, func(read string) bool { return command == read || strings.HasPrefix(command, read+" ") })
			interactive := words[1] == "ssh" && !slices.Contains(words, "--")
			if words[0] != "infra" || !reading || interactive || slices.Contains(words, "--out") || typed[line] {
				continue
			}
			typed[line] = true
			for i, word := range words {
				if word == "prod" {
					words[i] = "e2e"
				}
			}
			t.Run(line, func(t *testing.T) { p.run(t, 0, words[1:]...) })
		}
	}
	if len(typed) < 20 {
		t.Errorf("only %d commands were found: %v", len(typed), typed)
	}
}
