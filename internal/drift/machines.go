package drift

import (
	"cmp"
	"fmt"
	"slices"
)

// TaskChange is what one task of Ansible would change on one host.
type TaskChange struct {
	Host string `json:"host"`
	Play string `json:"play"`
	Task string `json:"task"`
	File string `json:"file,omitempty"` // what it would change, where Ansible says it
}

// Hosts tells what Ansible would change. What a task would do to several files
// of a host is one finding.
func Hosts(changes []TaskChange, ignore Ignore) []Finding {
	var found []Finding
	for _, c := range changes {
		same := slices.IndexFunc(found, func(f Finding) bool { return f.Host == c.Host && f.Task == c.Task })
		if same < 0 {
			found = append(found, Finding{Kind: Host, Host: c.Host, Task: c.Task, File: c.File, Noise: ignore.named("task", c.Task)})
		} else if f := &found[same]; c.File != "" && f.File != c.File {
			f.File = join(f.File, c.File)
		}
	}
	return found
}

func join(list, one string) string {
	if list == "" {
		return one
	}
	return list + ", " + one
}

// Machine is an instance of EC2 that is in the environment's network or carries
// its tags.
type Machine struct {
	ID, Name string
	Image    string // id of the one that it is made of
	State    string // running, stopped
	Network  bool   // it is in the environment's network
	Tagged   bool   // it carries the environment's tags
	Cluster  string // the EMR cluster that it is a node of; empty: of none
	Guest    string // the name under which infra has kept it on purpose; empty: it has not
}

// Machines tells which instances nobody manages: no state has them, nor the EMR
// cluster that they belong to.
func Machines(all []Machine, managed map[string]bool, ignore Ignore) []Finding {
	var found []Finding
	for _, m := range all {
		if managed[m.ID] || m.Cluster != "" && managed[m.Cluster] {
			continue
		}
		f := Finding{Kind: Instance, ID: m.ID, Name: m.Name, Noise: ignore.named("instance", m.ID, m.Name)}
		place := "it carries the environment's tags"
		switch {
		case m.Network && m.Tagged:
			place = "it is in the environment's network and carries its tags"
		case m.Network:
			place = "it is in the environment's network"
		}
		f.Detail = fmt.Sprintf("%s; %s, and no state has it", cmp.Or(m.State, "state unknown"), place)
		switch {
		case m.Guest != "":
			f.Noise = cmp.Or(f.Noise, "infra keeps it on purpose, as "+m.Guest)
		case m.Cluster != "":
			f.Detail += fmt.Sprintf(", nor its EMR cluster %s", m.Cluster)
		}
		found = append(found, f)
	}
	return found
}
