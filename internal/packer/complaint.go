package packer

import (
	"regexp"
	"strings"
)

// complaint is what Packer says at its end of why a build failed, each reason
// after an arrow; empty: nothing. A reason ends at an empty line.
func complaint(said string) string {
	var why []string
	for _, reason := range regexp.MustCompile(`(?s)--> amazon-ebs\.hosts: (.*?)(?:\n\s*\n|$)`).FindAllStringSubmatch(said, -1) {
		why = append(why, strings.Join(strings.Fields(reason[1]), " "))
	}
	return strings.Join(why, "; ")
}
