package state

import "fmt"

// Altered are the values of one resource of a plan that would be others than
// they were, in clear: to be compared, not to be shown.
func Altered(before, after any) []Difference {
	return leafDifferences("", leaves(newMask(nil), before), leaves(newMask(nil), after), true)
}

// Planned is how one resource of a plan differs from what it was, by the path of
// its values. before and after are as Terraform's JSON has them, and marks what
// it calls sensitive: true, or the same shape with true in it. Sensitive values
// are masked.
func Planned(before, after any, marks ...any) []Difference {
	m := newMask(nil)
	for _, mark := range marks {
		for _, path := range Marked(mark) {
			m.paths[path] = true
		}
	}
	return leafDifferences("", leaves(m, before), leaves(m, after), false)
}

// leaves are the values of a resource by path; none where there is none.
func leaves(m mask, value any) map[string]Leaf {
	found := map[string]Leaf{}
	if value != nil {
		m.flatten(value, "", false, func(l Leaf) { found[l.Path] = l })
	}
	return found
}

// Marked are the paths at which a mark of Terraform's JSON is true.
func Marked(mark any) []string {
	var paths []string
	var walk func(v any, path string)
	walk = func(v any, path string) {
		switch value := v.(type) {
		case bool:
			if value {
				paths = append(paths, path)
			}
		case map[string]any:
			for name, child := range value {
				walk(child, join(path, name))
			}
		case []any:
			for i, child := range value {
				walk(child, fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	walk(mark, "")
	return paths
}
