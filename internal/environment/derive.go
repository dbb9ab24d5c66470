package environment

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"infra/internal/cidr"
	"infra/internal/fault"
)

// Derived is an environment whose file is not written yet.
type Derived struct {
	Env *Environment

	folder *folder
	text   string
}

// Derive makes an environment of the text of its file, as if it were there: it
// has to be valid, and to have a range and a state bucket of its own.
func Derive(project, name, text string) (*Derived, error) {
	op := "derive environment " + quotedName(name)
	f, err := open(project)
	if err != nil {
		return nil, noFolder(op, err)
	}
	if !ValidName(name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%q is not %s", shortened(name), nameSays), "choose another name")
	}
	if f.has(name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%s is there already, and is never overwritten", f.file(name)), "choose another name")
	}
	env, problems := f.drafted(name, text)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, op+" (nothing was written)", problems.sorted(), "mend the file that it extends")
	}
	return &Derived{env, f, text}, nil
}

// drafted loads an environment of a text in place of its file.
func (f *folder) drafted(name, text string) (*Environment, Problems) {
	f.draft = &draft{name, []byte(text)}
	f.files, f.names, f.homes[name] = append(f.files, name+suffix), append(f.names, name), []string{path.Join(Folder, name+suffix)}
	env, _, problems := f.load(name)
	problems = append(problems, f.colliding(name)...)
	if len(problems) == 0 {
		problems = f.sharing(env)
	}
	return env, problems
}

// Write writes the file: beside the others, or among the throwaways. One that
// is there is never overwritten.
func (d *Derived) Write(aside bool) error {
	name := d.Env.name
	op := "write environment " + name
	if !aside {
		if err := d.folder.write(name, d.text); err != nil {
			return fault.New(fault.Failed, op, err, "")
		}
		return nil
	}
	file := filepath.Join(d.folder.project, Throwaways, name+suffix)
	err := os.MkdirAll(filepath.Dir(file), 0o700)
	if err == nil {
		var out *os.File
		if out, err = os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600); err == nil {
			_, err = out.WriteString(d.text)
			err = errors.Join(err, out.Close())
		}
	}
	if err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	return nil
}

// aside are the ranges of the throwaways, as far as they can be read.
func (f *folder) aside() []cidr.Taken {
	entries, err := os.ReadDir(filepath.Join(f.project, Throwaways))
	if err != nil {
		return nil // there are none
	}
	var taken []cidr.Taken
	for _, e := range entries {
		name, _ := strings.CutSuffix(e.Name(), suffix)
		if f.lookAside(name); !f.has(name) {
			continue
		}
		if env, _, _ := f.load(name); env != nil {
			if p, err := netip.ParsePrefix(env.settings.Products.Pipeline.VPC.CIDR); err == nil {
				taken = append(taken, cidr.Taken{Range: p.Masked(), By: name})
			}
		}
	}
	return taken
}

// Free is a range of the size of an environment's own, that no environment of
// the project has, throwaways included, nor a network that it lets in.
func Free(project, name string) (string, error) {
	f, err := open(project)
	if err != nil {
		return "", noFolder("list the networks of the environments", err)
	}
	env, _, problems := f.load(name)
	if len(problems) > 0 {
		return "", fault.New(fault.Usage, "read environment "+quotedName(name), problems.sorted(), "infra validate "+name)
	}
	own, err := netip.ParsePrefix(env.settings.Products.Pipeline.VPC.CIDR)
	if err != nil {
		return "", fault.New(fault.Usage, "read environment "+name, err, "infra validate "+name)
	}
	free, ok := cidr.Free(own, slices.Concat(f.networks(env), f.aside(), []cidr.Taken{{Range: own, By: name}}))
	if !ok {
		return "", fault.New(fault.Refused, "find a free network", errors.New("no private range of its size is free"), "--cidr RANGE, of another size")
	}
	return free.String(), nil
}
