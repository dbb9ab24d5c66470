package environment

import (
	"errors"
	"fmt"
	"io/fs"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"infra/internal/cidr"
	"infra/internal/fault"
)

// Draft is what the file of a new environment is to say.
type Draft struct {
	Name        string
	From        string // the file that it extends, without .yaml
	Account     string
	Region      string
	CIDR        string
	RoleARN     string // empty: the caller's own credentials
	ExternalID  string // for RoleARN
	StateBucket string // empty: the default
	PublicKeys  []string
	Protected   bool
	BastionFrom []string // networks that may reach a bastion; none: Systems Manager is the way in, unless From has one
}

// Create writes environments/<name>.yaml, which must not exist, as a whole or
// not at all. A file that would not be valid, or would share addresses or a
// state bucket with another environment, is not written; the places of its
// problems are those in the file as it would be.
func Create(project string, d Draft) (*Environment, error) {
	op := "write environment " + quotedName(d.Name)
	f, err := open(project)
	if err != nil {
		return nil, noFolder(op, err)
	}
	if !ValidName(d.Name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%q is not %s", shortened(d.Name), nameSays), "infra env new NAME, with another name")
	}
	if f.has(d.Name) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("%s is there already, and is never overwritten", f.file(d.Name)), "infra validate "+d.Name+", or choose another name")
	}
	if !f.has(d.From) {
		return nil, fault.New(fault.Usage, op, fmt.Errorf("there is no %s to extend%s", f.file(d.From), f.suggest(d.From)), "infra env new --help")
	}
	parent, _, problems := f.load(d.From)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, op, problems.sorted(), "mend the file, then infra validate "+d.From)
	}
	text := d.text(parent)
	env, problems := f.drafted(d.Name, text)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, op+" (nothing was written)", problems.sorted(), "correct the command line: infra env new --help")
	}
	if err := f.write(d.Name, text); err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	return env, nil
}

// Networks are the ranges that one environment must not overlap: those of the
// project's other environments, and the networks that its own file lets in,
// which are connected to it.
func Networks(project, name string) ([]cidr.Taken, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder("list the networks of the environments", err)
	}
	f.lookAside(name)
	env, _, problems := f.load(name)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, "read environment "+quotedName(name), problems.sorted(), "infra validate "+name)
	}
	return f.networks(env), nil
}

func (f *folder) networks(env *Environment) []cidr.Taken {
	var taken []cidr.Taken
	add := func(text, by string) {
		if p, err := netip.ParsePrefix(text); err == nil {
			taken = append(taken, cidr.Taken{Range: p.Masked(), By: by})
		}
	}
	f.others(env.name, func(other *Environment) {
		add(other.settings.Products.Pipeline.VPC.CIDR, fmt.Sprintf("environment %s (%s)", other.name, other.place("products.pipeline.vpc.cidr")))
	})
	for _, text := range env.settings.Products.Pipeline.PostgreSQL.AllowedCIDRs {
		add(text, fmt.Sprintf("the network %s, which postgresql.allowed_cidrs lets in", text))
	}
	return taken
}

// SameRegion are the other environments of the same account and region.
func SameRegion(project, name string) ([]string, error) {
	return neighbours(project, name, (*Environment).Region)
}

// SameRecovery are the other environments of the same account that have their
// second copies in the same region.
func SameRecovery(project, name string) ([]string, error) {
	return neighbours(project, name, (*Environment).RecoveryRegion)
}

// neighbours are the other environments of the same account that have
// something alike.
func neighbours(project, name string, alike func(*Environment) string) ([]string, error) {
	f, err := open(project)
	if err != nil {
		return nil, noFolder("list the environments", err)
	}
	f.lookAside(name)
	env, _, problems := f.load(name)
	if len(problems) > 0 {
		return nil, fault.New(fault.Usage, "read environment "+quotedName(name), problems.sorted(), "infra validate "+name)
	}
	var names []string
	f.others(name, func(other *Environment) {
		if other.Account() == env.Account() && alike(other) == alike(env) && other.Endpoint() == env.Endpoint() {
			names = append(names, other.name)
		}
	})
	return names, nil
}

// others calls with every other environment that could be read.
func (f *folder) others(name string, with func(*Environment)) {
	for _, n := range f.names {
		if other, base, broken := f.load(n); n != name && other != nil && !base && len(broken) == 0 {
			with(other)
		}
	}
}

// sharing refuses what a new environment must have for itself. It is stricter
// than Load: customers of different accounts may want to be connected one day.
func (f *folder) sharing(env *Environment) Problems {
	const path = "products.pipeline.vpc.cidr"
	var problems Problems
	own, err := netip.ParsePrefix(env.settings.Products.Pipeline.VPC.CIDR)
	if err != nil {
		return Problems{{env.place(path), err.Error()}} // what is valid can be parsed
	}
	taken := f.networks(env)
	for _, t := range cidr.Overlapping(own, taken) {
		text := fmt.Sprintf("%s: %s overlaps %s of %s", path, own, t.Range, t.By)
		if free, ok := cidr.Free(own, taken); ok {
			text += "; the next free one of this size is " + free.String()
		}
		problems = append(problems, Problem{env.place(path), text})
	}
	f.others(env.name, func(other *Environment) {
		if other.Account() == env.Account() && other.Region() == env.Region() && other.StateBucket() == env.StateBucket() {
			problems = append(problems, Problem{env.place("account"), fmt.Sprintf(
				"account: environment %s (%s) has account %s, region %s and state bucket %s already; each needs a state bucket of its own (--state-bucket)",
				other.name, other.place("account"), other.Account(), other.Region(), other.StateBucket())})
		}
	})
	return problems
}

// write puts the file into the folder under a name that nobody reads and gives
// it its own when it is whole. A link never replaces what is there.
func (f *folder) write(name, text string) (err error) {
	root, err := os.OpenRoot(filepath.Join(f.project, Folder))
	if err != nil {
		return fmt.Errorf("open the folder: %w", err)
	}
	defer root.Close() //nolint:errcheck // what was written is synced
	part := "." + name + suffix + ".new"
	if err := root.Remove(part); err != nil && !errors.Is(err, fs.ErrNotExist) { // of an attempt that was killed
		return fmt.Errorf("remove what an earlier attempt has left: %w", err)
	}
	defer func() {
		if gone := root.Remove(part); err == nil && gone != nil {
			err = fmt.Errorf("remove the file's other name: %w", gone)
		}
	}()
	out, err := root.OpenFile(part, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", f.file(name), err)
	}
	_, err = out.WriteString(text)
	if err = errors.Join(err, out.Sync(), out.Close()); err != nil {
		return fmt.Errorf("write %s: %w", f.file(name), err)
	}
	if err := root.Link(part, name+suffix); err != nil {
		return fmt.Errorf("write %s, which is never overwritten: %w", f.file(name), err)
	}
	return nil
}

// text is the file, commented as the shipped ones are.
func (d Draft) text(parent *Environment) string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`# yaml-language-server: $schema=schema.json
#
# %s: the platform in an account of its own, isolated. Written by infra;
# every key, its default and its meaning: README.md in this folder.

extends: %s

account: %s
region: %s
protected: %t # true: every change asks for the name and comes from the main branch
`, d.Name, d.From, strconv.Quote(d.Account), plain(d.Region), d.Protected)
	switch _, inherited := parent.Role(); {
	case d.RoleARN != "":
		line("role: # in the environment's account; its trust policy names our account and this id")
		line("  arn: %s", plain(d.RoleARN))
		if d.ExternalID != "" {
			line("  external_id: %s", strconv.Quote(d.ExternalID))
		}
		line("")
	case inherited:
		line("role: null # not the one of %s: the caller's own credentials\n", d.From)
	}
	if d.StateBucket != "" {
		line("state:\n  bucket: %s\n", plain(d.StateBucket))
	}
	line("tags:\n  customer: %s\n", d.Name)
	if len(d.PublicKeys) > 0 {
		line("ssh:\n  public_keys:")
		for _, key := range d.PublicKeys {
			line("    - %s", strconv.Quote(key))
		}
		line("")
	}
	line("products:")
	line("  # baseline:\n  #   alert_emails: [operations@example.com] # who hears of alarms; each address has to confirm once")
	line("  pipeline:\n    vpc:\n      cidr: %s", plain(d.CIDR))
	if len(d.BastionFrom) > 0 {
		line("      access: bastion\n      bastion_allowed_cidrs:")
		for _, network := range d.BastionFrom {
			line("        - %s", plain(network))
		}
		return b.String()
	}
	if vpc := parent.settings.Products.Pipeline.VPC; vpc.Access != "bastion" || len(vpc.BastionAllowedCIDRs) > 0 {
		return b.String() // there is a way in
	}
	line("      access: ssm # no public address; the way in is Systems Manager")
	line("    postgresql:\n      address: private\n      # allowed_cidrs: [10.200.0.0/16] # who else may reach the database: offices, over their VPN")
	return b.String()
}

// plain is a text as YAML wants it: in quotes unless it needs none.
func plain(text string) string {
	for _, r := range text {
		if !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-./:_", r) {
			return strconv.Quote(text)
		}
	}
	if text == "" || strings.HasSuffix(text, ":") {
		return strconv.Quote(text)
	}
	return text
}
