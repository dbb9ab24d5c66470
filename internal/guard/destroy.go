package guard

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"infra/internal/fault"
	"infra/internal/spelling"
)

// always are the resource types that hold data or keys, wherever they are.
func always() []string {
	return []string{
		"aws_backup_vault",
		"aws_cloudtrail",
		"aws_db_instance",
		"aws_db_snapshot",
		"aws_dynamodb_table",
		"aws_ebs_snapshot",
		"aws_ebs_volume",
		"aws_efs_file_system",
		"aws_emr_cluster",
		"aws_fsx_lustre_file_system",
		"aws_kms_key",
		"aws_rds_cluster",
		"aws_rds_cluster_instance",
		"aws_route53_zone",
		"aws_s3_bucket",
		"aws_secretsmanager_secret",
	}
}

// within are the types that count only inside the named modules: a host of
// the database is not replaced like a bastion.
func within(kind string) []string {
	switch kind {
	case "aws_instance":
		return []string{"postgresql", "zookeeper"}
	case "aws_eip", "aws_network_interface":
		return []string{"postgresql"}
	default:
		return nil
	}
}

// Stateful are the changes that would destroy something that holds data,
// keys or an address that clients rely on, in the order given. What cannot be
// understood counts as such.
func Stateful(changes []Change) []Change {
	var out []Change
	for _, c := range changes {
		if c.destructive() && c.stateful() {
			out = append(out, c)
		}
	}
	return out
}

// Addresses are the addresses of changes, each once, in the order given. With
// Stateful it is the permission that a whole environment's typed name gives.
func Addresses(changes []Change) []string {
	var out []string
	for _, c := range changes {
		if !slices.Contains(out, c.Address) {
			out = append(out, c.Address)
		}
	}
	return out
}

// ErrStateful is in the error of Destroys.
var ErrStateful = errors.New("the plan destroys what holds data or is in use, and nobody allowed it")

// Destroys refuses a plan that would delete or replace something stateful,
// unless allow names its address exactly. The error lists every such address
// and its hint is the flags to add.
func Destroys(changes []Change, allow []string) error {
	var lines, flags []string
	stateful := Stateful(changes)
	for _, c := range stateful {
		if slices.Contains(allow, c.Address) {
			continue
		}
		lines = append(lines, "  "+c.describe())
		flags = append(flags, "--allow-destroy "+shellQuote(shown(c.Address)))
	}
	if len(lines) == 0 {
		return nil
	}
	text := strings.Join(lines, "\n")
	if near := misspelt(stateful, allow); near != "" {
		text += "\n" + near
	}
	if leaves(stateful) {
		text += "\nservers of ZooKeeper leave the ensemble before they go, or it may be left without a majority: infra zk shrink ENV does both"
	}
	return fault.New(fault.Refused, "check what the plan destroys", fmt.Errorf("%w:\n%s", ErrStateful, text),
		"if that is meant, add "+strings.Join(flags, " "))
}

// Unmatched are the entries of allow that name nothing that the changes would
// destroy. Given the changes of every stack of a run, such an entry is a
// mistake: a misspelt address, or one of another environment.
func Unmatched(changes []Change, allow []string) []string {
	var out []string
	for _, address := range allow {
		if !slices.ContainsFunc(changes, func(c Change) bool { return c.Address == address && c.destructive() }) {
			out = append(out, address)
		}
	}
	return out
}

// Idle marks the changes of EMR clusters whose colour is none of those in
// use, so that the guard lets them go. In use are the colour that the state
// calls active and the one that the environment asks for.
func Idle(changes []Change, inUse ...string) []Change {
	out := slices.Clone(changes)
	for i, c := range out {
		p, ok := parse(c.Address)
		if ok && p.kind == "aws_emr_cluster" && len(inUse) > 0 && len(p.keys) > 0 {
			out[i].Idle = !slices.ContainsFunc(p.keys, func(key string) bool { return slices.Contains(inUse, key) })
		}
	}
	return out
}

// leaves tells whether a server of ZooKeeper would go for good.
func leaves(stateful []Change) bool {
	return slices.ContainsFunc(stateful, func(c Change) bool {
		p, ok := parse(c.Address)
		return ok && c.Action == Delete && p.kind == "aws_instance" && slices.Contains(p.modules, "zookeeper")
	})
}

func (c Change) destructive() bool {
	switch c.Action {
	case Noop, Read, Create, Update, Move, Import, Forget:
		return false
	default:
		return true
	}
}

func (c Change) stateful() bool {
	p, ok := parse(c.Address)
	if !ok {
		return true
	}
	if p.data {
		return false
	}
	kind := c.Type
	if kind == "" {
		kind = p.kind
	}
	if kind == "aws_emr_cluster" && c.Idle {
		return false
	}
	if slices.Contains(always(), kind) {
		return true
	}
	return slices.ContainsFunc(within(kind), func(m string) bool { return slices.Contains(p.modules, m) })
}

// describe is one line about a change: what happens to what, and why.
func (c Change) describe() string {
	line := fmt.Sprintf("%s %s", shown(string(c.Action)), shown(c.Address))
	if c.Reason != "" {
		line += " (" + shown(c.Reason) + ")"
	}
	return line
}

// misspelt says which permission was probably meant for a refused address.
func misspelt(stateful []Change, allow []string) string {
	for _, given := range Unmatched(stateful, allow) {
		if near := spelling.Nearest(given, Addresses(stateful)); near != "" {
			return fmt.Sprintf("--allow-destroy %s names none of them; did you mean %s?", shellQuote(shown(given)), shellQuote(shown(near)))
		}
	}
	return ""
}

// shellQuote makes text one word for a POSIX shell.
func shellQuote(text string) string {
	plain := func(r rune) bool {
		return r == '.' || r == '_' || r == '-' || r == '/' || r == ':' ||
			'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
	}
	if text != "" && strings.IndexFunc(text, func(r rune) bool { return !plain(r) }) < 0 {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}
