package environment

import (
	"fmt"
	"reflect"
	"slices"
	"strings"

	"infra/internal/fault"
)

// maxChain is how many files an environment may be made of.
const maxChain = 8

// Load reads one environment of the project, the folder that holds
// environments/. Its error has fault.Usage and, for mistakes in files, is
// made of Problems: all that were found, each with its place. Another
// environment's file is looked at only for a network that overlaps.
func Load(project, name string) (*Environment, error) {
	op := "read environment " + quotedName(name)
	f, err := open(project)
	if err != nil {
		return nil, noFolder(op, err)
	}
	if !ValidName(name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%q is not a name of an environment%s", shortened(name), f.suggest(name)),
			"use one of "+strings.Join(f.deployable(), ", "))
	}
	f.lookAside(name)
	if !f.has(name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("there is no %s%s", f.file(name), f.suggest(name)),
			fmt.Sprintf("use one of %s, or write %s", strings.Join(f.deployable(), ", "), f.file(name)))
	}
	env, base, problems := f.load(name)
	problems = append(problems, f.colliding(name)...)
	if len(problems) == 0 && base {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%s: no account is set, so it is a base that others extend, and nothing can be done with it", f.file(name)),
			"use one of "+strings.Join(f.deployable(), ", "))
	}
	if len(problems) == 0 {
		for _, other := range f.neighbours(env) {
			if neighbour, _, broken := f.load(other); neighbour != nil && len(broken) == 0 {
				problems = append(problems, overlaps(env, neighbour)...)
			}
		}
	}
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, op, problems.sorted(), "mend the file, then infra validate "+name)
	}
	return env, nil
}

// neighbours are the other environments in the account of this one: only their
// networks could overlap, so that only they are worth to be read whole.
func (f *folder) neighbours(env *Environment) (names []string) {
	read := map[string]*tree{} // a base is a part of many
	for _, name := range f.names {
		if name == env.name {
			continue
		}
		if c, _ := f.follow(name, read); c.account == env.Account() {
			names = append(names, name)
		}
	}
	return names
}

// LoadAll reads every environment of the project, in the order of their
// names, and reports the problems of all, of bases and of file names too.
func LoadAll(project string) ([]*Environment, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder(opAll, err)
	}
	all, problems := f.loadEach(func(string) bool { return true })
	if problems = append(f.misnamed(), problems...); len(problems) > 0 {
		return nil, fault.New(fault.Usage, opAll, problems.sorted(), "mend the files, then infra validate")
	}
	return all, nil
}

// LoadThese reads the environments whose file, relative to the project, is
// wanted, in the order of their names. A base is none of them, and mistakes in
// other files do not count.
func LoadThese(project string, wanted func(file string) bool) ([]*Environment, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder(opAll, err)
	}
	all, problems := f.loadEach(wanted)
	for _, env := range all {
		problems = append(problems, f.colliding(env.name)...)
	}
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, opAll, problems.sorted(), "mend the files, then infra validate")
	}
	return all, nil
}

const opAll = "read environments"

// loadEach loads the wanted environments, and the others as far as their
// networks could overlap with those.
func (f *folder) loadEach(wanted func(file string) bool) (chosen []*Environment, problems Problems) {
	var others []*Environment
	for _, name := range f.names {
		env, base, broken := f.load(name)
		want := wanted(f.file(name))
		if want {
			problems = append(problems, broken...)
		}
		if len(broken) > 0 || base {
			continue
		}
		for _, earlier := range chosen {
			problems = append(problems, overlaps(env, earlier)...)
		}
		if !want {
			others = append(others, env)
			continue
		}
		for _, other := range others {
			problems = append(problems, overlaps(env, other)...)
		}
		chosen = append(chosen, env)
	}
	return chosen, problems
}

// List names the environments that something can be done with, in
// alphabetical order: those with an account, and those too broken to tell.
func List(project string) ([]string, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder("list environments", err)
	}
	return f.deployable(), nil
}

// File is the path of an environment's file, relative to the project, for
// reports: also of one that cannot be read; where it would be expected when
// there is none.
func File(project, name string) string {
	f, err := open(project)
	if err != nil {
		f = &folder{}
	}
	f.lookAside(name)
	return f.file(name)
}

func (f *folder) deployable() []string {
	return slices.DeleteFunc(slices.Clone(f.names), func(name string) bool {
		_, base, _ := f.load(name)
		return base
	})
}

// load makes an environment of its file and those that it extends. It is nil
// when that cannot be done at all; base says that there is no account.
func (f *folder) load(name string) (env *Environment, base bool, problems Problems) {
	c := &checker{formats: f.formats, bad: make(map[string]bool)}
	chain, ok := f.chain(name, c)
	if !ok {
		return nil, false, c.problems
	}
	var whole *tree
	for _, t := range slices.Backward(chain) {
		whole = merge(whole, t)
	}
	env = &Environment{name: name, file: f.file(name)}
	d := &decoder{places: make(map[string]Place)}
	if err := d.block(reflect.ValueOf(&env.settings).Elem(), whole, ""); err != nil {
		return nil, false, append(c.problems, Problem{Place{env.file, 1, 1}, err.Error()})
	}
	env.places = d.places
	if env.settings.Account == "" && !c.bad["account"] {
		return env, true, c.problems
	}
	v := &validator{env: env, bad: c.bad}
	problems = slices.Concat(c.problems, v.all())
	env.complete()
	return env, false, problems
}

// complete fills the defaults that depend on other values.
func (e *Environment) complete() {
	s := &e.settings
	if s.State.Bucket == "" {
		s.State.Bucket = fmt.Sprintf("infra-state-%s-%s", s.Account, s.Region)
	}
	if s.Products.Pipeline.VPC.ZoneName == "" {
		s.Products.Pipeline.VPC.ZoneName = e.name + ".internal"
	}
}

// chain reads and checks an environment's file, the one that it extends, and
// so on; false when one of them could not be had.
func (f *folder) chain(name string, c *checker) (trees []*tree, ok bool) {
	var seen []string
	whole := true
	for {
		seen = append(seen, name)
		data, problems := f.read(name)
		if len(problems) == 0 {
			var t *tree
			t, problems = parse(f.file(name), data)
			if t != nil {
				c.block(t, reflect.TypeFor[Settings](), "")
				trees = append(trees, t)
			}
		}
		c.problems = append(c.problems, problems...)
		whole = whole && len(problems) == 0
		if len(trees) < len(seen) {
			return trees, false
		}
		extends, more := trees[len(trees)-1].fields["extends"]
		if !more {
			return trees, whole && !c.bad["extends"]
		}
		name = extends.value.text
		switch at := extends.value.place; {
		case slices.Contains(seen, name):
			return trees, c.refuse(at, "extends", "extends goes in a circle: %s", strings.Join(append(seen, name), " -> "))
		case len(seen) == maxChain:
			return trees, c.refuse(at, "extends", "more than %d files extend each other", maxChain)
		case !f.has(name):
			return trees, c.refuse(at, "extends", "there is no %s to extend%s", f.file(name), f.suggest(name))
		}
	}
}

func noFolder(op string, err error) error {
	return fault.New(fault.Usage, op, err, "go to the folder that holds "+Folder+"/, or name it with -C DIR")
}

// quotedName is name as it is when it is a name, quoted when it is not.
func quotedName(name string) string {
	if ValidName(name) {
		return name
	}
	return quoted(name)
}
