//go:build endtoend

package main

import (
	"strings"
	"testing"
)

// typedDocuments types every command of the documents that only reads, with
// the environment that exists in place of the one that the documents name.
func typedDocuments(t *testing.T, p *platform) {
	typed := map[string]bool{}
	for _, document := range documents(t) {
		for _, line := range blockLines(content(t, document)) {
			words := wordsOf(strings.TrimPrefix(line, "bin/"))
			if !typable(words) || typed[line] {
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
