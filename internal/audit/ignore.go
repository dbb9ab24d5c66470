package audit

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ignore is a list of known exceptions, as audit.ignore has it. An entry is
//
//	RULE WHICH because REASON
//
// WHICH is a Terraform address or the name or id of a thing, and * in it stands
// for any text. Every entry says why.
type Ignore []exception

type exception struct {
	rule, reason string
	which        *regexp.Regexp
}

// ParseIgnore reads a list of known exceptions.
func ParseIgnore(list []string) (Ignore, error) {
	var ignore Ignore
	for _, text := range list {
		e, err := parseException(text)
		if err != nil {
			return nil, fmt.Errorf("%q %w", text, err)
		}
		ignore = append(ignore, e)
	}
	return ignore, nil
}

// CheckIgnore tells what is wrong with an entry of the list, as a sentence
// about it.
func CheckIgnore(text string) error {
	_, err := parseException(text)
	return err
}

func parseException(text string) (exception, error) {
	what, reason, some := strings.Cut(text, " because ")
	words := strings.Fields(what)
	switch {
	case !some || strings.TrimSpace(reason) == "":
		return exception{}, errors.New("has no reason: write RULE WHICH because REASON")
	case len(words) != 2:
		return exception{}, errors.New("must name one rule and one address or name: write RULE WHICH because REASON")
	case !slices.ContainsFunc(Rules(), func(r Rule) bool { return r.ID == words[0] }):
		return exception{}, fmt.Errorf("names %q, which is no rule; infra audit --rules lists them", words[0])
	}
	parts := strings.Split(bare(words[1]), "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	return exception{words[0], strings.TrimSpace(reason), regexp.MustCompile(`^` + strings.Join(parts, ".*") + `$`)}, nil
}

// bare is a text without the quotes of keys, which shells take away.
func bare(text string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(text) }

// FromIgnore is where an exception of the environment's file says to be from.
const FromIgnore = "audit.ignore"

// reason is why a finding is known; nil when it is not.
func (ig Ignore) reason(f Finding) *Exception {
	for _, e := range ig {
		if e.rule != f.Rule {
			continue
		}
		name, id, _ := strings.Cut(strings.TrimSuffix(f.Resource, ")"), " (")
		if slices.ContainsFunc([]string{f.Address, name, id}, func(text string) bool { return text != "" && e.which.MatchString(bare(text)) }) {
			return &Exception{e.reason, FromIgnore}
		}
	}
	return nil
}
