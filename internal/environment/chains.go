package environment

// Chains names, for each environment that something can be done with, the
// files that it is made of, relative to the project: its own, the one that it
// extends, and so on. Of one too broken to tell, what could be read: its own
// file at least.
func Chains(project string) (map[string][]string, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder("list environments", err)
	}
	read := map[string]*tree{} // a base is a part of many
	out := make(map[string][]string, len(f.names))
	for _, name := range f.names {
		files, base := f.filesOf(name, read)
		if !base {
			out[name] = files
		}
	}
	return out, nil
}

// filesOf follows one environment's chain without checking what stands in it;
// base says that no file of it sets an account.
func (f *folder) filesOf(name string, read map[string]*tree) (files []string, base bool) {
	base = true
	for len(files) < maxChain && f.has(name) {
		t, seen := read[name]
		if !seen {
			if data, problems := f.read(name); len(problems) == 0 {
				t, _ = parse(file(name), data)
			}
			read[name] = t
		}
		files = append(files, file(name))
		if t == nil {
			return files, false
		}
		if _, ok := t.fields["account"]; ok {
			base = false
		}
		extends, more := t.fields["extends"]
		if !more {
			return files, base
		}
		name = extends.value.text
	}
	return files, false // a circle, too long, or what is extended is missing: broken, not a base
}
