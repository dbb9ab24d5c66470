package rebuild

import (
	"fmt"
	"strconv"
	"strings"

	"infra/internal/environment"
)

// Draft is what the file of the new environment is to say.
type Draft struct {
	Name      string
	Of        *environment.Environment
	Region    string
	CIDR      string
	Zones     []string // letters; none: those of the original
	Rehearsal bool     // it is thrown away afterwards
}

// Text is the new environment's file. It extends the one that was lost, so it
// holds what has to differ and no more, each with the reason.
func (d Draft) Text() string {
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	was, of := d.Of.Settings(), d.Of.Name()
	line("# yaml-language-server: $schema=schema.json\n#")
	line("# %s: %s, built again in %s. Written by infra rebuild; it extends what was lost, so that\n# it holds only what has to differ.\n", d.Name, of, d.Region)
	line("extends: %s\n", of)
	line("region: %s", d.Region)
	line("rebuilt_from: %s # its hosts may read the second copy of that one's backups", of)
	line("recovery: null # no second copy yet: name a region here once this environment is the one that counts")
	line("state:\n  bucket: infra-state-%s-%s", d.Name, d.Of.Account())
	if d.Rehearsal {
		line("protected: false # a rehearsal: it is taken away again")
	}
	line("tags:\n  rebuilt_from: %s\n", of)
	line("products:")
	d.baseline(line, was.Products.Baseline)
	line("  pipeline:\n    vpc:\n      cidr: %s", d.CIDR)
	if len(d.Zones) > 0 {
		quoted := make([]string, len(d.Zones))
		for i, zone := range d.Zones {
			quoted[i] = strconv.Quote(zone)
		}
		line("      zones: [%s]", strings.Join(quoted, ", "))
	}
	if d.Rehearsal {
		line("    emr:\n      termination_protection: false")
	}
	return b.String()
}

// baseline is what the account has once, whatever the number of environments,
// and what could not be taken away again.
func (d Draft) baseline(line func(string, ...any), was environment.Baseline) {
	var lines []string
	if was.CI != nil {
		lines = append(lines, "    ci: null # the account has one provider of identities, and it is "+d.Of.Name()+"'s")
	}
	if d.Rehearsal {
		if was.AccountHardening {
			lines = append(lines, "    account_hardening: false # defaults of the whole account, which a rehearsal leaves alone")
		}
		if was.BackupObjectLock != "none" {
			lines = append(lines, "    backup_object_lock: none")
		}
	}
	if len(lines) > 0 {
		line("  baseline:\n%s", strings.Join(lines, "\n"))
	}
}
