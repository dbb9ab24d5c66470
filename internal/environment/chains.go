package environment

// Chain is what can be told of an environment without checking it: enough to
// choose among hundreds.
type Chain struct {
	Files    []string // that it is made of, relative to the project: its own, the one that it extends, and so on
	Emulated bool

	account string // as it is written; empty where a file could not be read
}

// Chains are those of all environments that something can be done with. Of one
// too broken to tell, what could be read: its own file at least.
func Chains(project string) (map[string]Chain, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder("list environments", err)
	}
	read := map[string]*tree{} // a base is a part of many
	out := make(map[string]Chain, len(f.names))
	for _, name := range f.names {
		if c, base := f.follow(name, read); !base {
			out[name] = c
		}
	}
	return out, nil
}

// follow reads one environment's chain; base says that no file of it sets an
// account.
func (f *folder) follow(name string, read map[string]*tree) (c Chain, base bool) {
	base = true
	said := false // whether it is emulated
	for len(c.Files) < maxChain && f.has(name) {
		t, seen := read[name]
		if !seen {
			if data, problems := f.read(name); len(problems) == 0 {
				t, _ = parse(f.file(name), data)
			}
			read[name] = t
		}
		c.Files = append(c.Files, f.file(name))
		if t == nil {
			return c, false
		}
		if emulated, ok := t.fields["emulated"]; ok && !said {
			c.Emulated, said = emulated.value.text == "true", true // the nearest file wins
		}
		if account, ok := t.fields["account"]; ok && base {
			base, c.account = false, account.value.text // the nearest file wins
		}
		extends, more := t.fields["extends"]
		if !more {
			return c, base
		}
		name = extends.value.text
	}
	return c, false // a circle, too long, or what is extended is missing: broken, not a base
}
