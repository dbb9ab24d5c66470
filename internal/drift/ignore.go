package drift

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Ignore is a list of known noise, as drift.ignore has it. An entry is one of
//
//	ADDRESS             a resource, whatever is changed of it
//	ADDRESS#ATTRIBUTE   one attribute of it and what is below that
//	task:NAME           a task of Ansible
//	instance:WHICH      an instance, by its id or name
//
// and * stands for any text in each part.
type Ignore []entry

type entry struct {
	text      string
	kind      string // "task", "instance" or "" for a resource
	name      *regexp.Regexp
	attribute *regexp.Regexp // nil: the whole resource
}

// ParseIgnore reads a list of known noise.
func ParseIgnore(list []string) (Ignore, error) {
	var ignore Ignore
	for _, text := range list {
		e, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("%q %w", text, err)
		}
		ignore = append(ignore, e)
	}
	return ignore, nil
}

// CheckIgnore tells what is wrong with an entry of the list, as a sentence about
// it.
func CheckIgnore(text string) error {
	_, err := parse(text)
	return err
}

func parse(text string) (entry, error) {
	e := entry{text: text}
	for _, kind := range []string{"task", "instance"} {
		if name, ok := strings.CutPrefix(text, kind+":"); ok {
			if onlyStars(name) {
				return e, fmt.Errorf("would hide every %s; say which", kind)
			}
			e.kind, e.name = kind, glob(name, false)
			return e, nil
		}
	}
	address, attribute, some := strings.Cut(text, "#")
	switch {
	case !some && onlyStars(address):
		return e, errors.New("would hide every resource; say which")
	case address == "" || some && onlyStars(attribute):
		return e, errors.New("has an empty part or an attribute that is only *: write ADDRESS, or ADDRESS#ATTRIBUTE")
	case !strings.Contains(address, ".") && !onlyStars(address):
		return e, errors.New("is no address, which has a dot, such as module.vpc.aws_subnet.*; write a task as task:NAME")
	}
	e.name = glob(address, false)
	if some {
		e.attribute = glob(attribute, true)
	}
	return e, nil
}

func onlyStars(text string) bool { return strings.Trim(text, "*") == "" }

// glob matches a whole text, or with below also a path and what is below it. A
// shell takes away the quotes of keys, so they count on neither side.
func glob(pattern string, below bool) *regexp.Regexp {
	parts := strings.Split(bare(pattern), "*")
	for i, part := range parts {
		parts[i] = regexp.QuoteMeta(part)
	}
	end := `$`
	if below {
		end = `([.\[].*)?$`
	}
	return regexp.MustCompile(`(?s)^` + strings.Join(parts, ".*") + end)
}

func bare(text string) string { return strings.NewReplacer(`"`, "", "'", "").Replace(text) }

// resource is the entry that hides a resource whole; empty when none does.
func (ig Ignore) resource(address string) string {
	return ig.find(func(e entry) bool { return e.kind == "" && e.attribute == nil && e.name.MatchString(bare(address)) })
}

// attribute is the entry that hides one attribute. That of a tag hides its copy
// in tags_all too.
func (ig Ignore) attribute(address, path string) string {
	return ig.find(func(e entry) bool {
		return e.kind == "" && e.attribute != nil && e.name.MatchString(bare(address)) &&
			(e.attribute.MatchString(bare(path)) || e.attribute.MatchString(bare(mirrored(path))))
	})
}

func (ig Ignore) named(kind string, names ...string) string {
	return ig.find(func(e entry) bool {
		return e.kind == kind && slices.ContainsFunc(names, func(name string) bool { return name != "" && e.name.MatchString(bare(name)) })
	})
}

func (ig Ignore) find(fits func(entry) bool) string {
	i := slices.IndexFunc(ig, fits)
	if i < 0 {
		return ""
	}
	return "drift.ignore has " + ig[i].text
}
