package report

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"infra/internal/console"
	"infra/internal/orphan"
	"infra/internal/provision"
)

// RecoveryDocument is `infra recover ENV --output json`.
type RecoveryDocument struct {
	Schema      string   `json:"schema"` // infra/recovery/v1
	Environment string   `json:"environment"`
	Run         string   `json:"run"`       // the recovering one
	Recovered   string   `json:"recovered"` // the run that was closed; empty when there was none
	Locks       []string `json:"locks"`     // ids of Terraform's locks that were removed
	Refreshed   []string `json:"refreshed"` // stacks
	Orphans     []Orphan `json:"orphans"`
	Unsure      []string `json:"unsure"` // why something may have been overlooked
}

// Orphan is something that the recovered run has made, or may have, and that
// no state knows.
type Orphan struct {
	orphan.Resource
	Import string `json:"import"`           // command that takes it into the state
	Delete string `json:"delete,omitempty"` // command that deletes it
}

// Recovery makes the document of a recovery. endpoint is that of an emulator,
// empty for AWS itself.
func Recovery(environment, region, endpoint, id string, r *provision.Recovery) RecoveryDocument {
	doc := RecoveryDocument{
		Schema: "infra/recovery/v1", Environment: environment, Run: id, Recovered: r.Record.Run,
		Locks: []string{}, Refreshed: append([]string{}, r.Refreshed...), Orphans: []Orphan{}, Unsure: append([]string{}, r.Unsure...),
	}
	for _, lock := range r.Locks {
		doc.Locks = append(doc.Locks, lock.ID)
	}
	for _, found := range r.Orphans {
		doc.Orphans = append(doc.Orphans, Orphan{Resource: found, Import: importCommand(environment, found), Delete: deleteCommand(region, endpoint, found)})
	}
	return doc
}

// importCommand is what takes an orphan into the state. Words in capitals are
// for the reader to fill in.
func importCommand(environment string, r orphan.Resource) string {
	address, id := r.Address, r.ID
	if address == "" {
		address = "ADDRESS"
	}
	if id == "" {
		id = "ID"
	}
	words := []string{"infra", "state", "import", environment, address, id}
	if r.Product != "" {
		words = append(words, "--product", r.Product)
	}
	return command(words)
}

// deleteCommand removes it where it is; region is for what has none.
func deleteCommand(region, endpoint string, r orphan.Resource) string {
	removal := r.Removal()
	if len(removal) == 0 {
		return ""
	}
	words := append([]string{"aws"}, removal...)
	words = append(words, "--region", cmp.Or(r.Region(), region))
	if endpoint != "" {
		words = append(words, "--endpoint-url", endpoint)
	}
	return command(words)
}

// command writes words so that a shell reads them as they are.
func command(words []string) string {
	quoted := make([]string, len(words))
	for i, word := range words {
		quoted[i] = word
		if strings.ContainsFunc(word, func(r rune) bool { return !strings.ContainsRune(plainLetters, r) }) {
			quoted[i] = "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// plainLetters mean nothing to a shell.
const plainLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=@%+,"

// RecoveryText tells what was done and what is left to do.
func RecoveryText(doc RecoveryDocument) string {
	if doc.Recovered == "" {
		return "recover of " + doc.Environment + ": no run is open, nothing to do.\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\nrun %s of %s is closed: %s refreshed, %s removed.\n", doc.Recovered, doc.Environment,
		console.Count(len(doc.Refreshed), "state"), console.Count(len(doc.Locks), "lock"))
	if len(doc.Orphans) > 0 {
		fmt.Fprintf(&b, "It has made what is in no state. Import or delete each; the first apply may fail until then:\n")
	}
	anonymous := false
	for _, o := range doc.Orphans {
		b.WriteString("  " + o.title() + "\n")
		b.WriteString("    keep it:   " + o.Import + "\n")
		if o.Delete != "" {
			b.WriteString("    delete it: " + o.Delete + "\n")
		}
		anonymous = anonymous || o.Address == ""
	}
	if anonymous {
		fmt.Fprintf(&b, "ADDRESS is the one of that type that `infra plan %s` wants to create.\n", doc.Environment)
	}
	for _, unsure := range doc.Unsure {
		b.WriteString("note: " + unsure + "\n")
	}
	fmt.Fprintf(&b, "next: infra plan %s\n", doc.Environment)
	return b.String()
}

// title names an orphan.
func (o Orphan) title() string {
	text := o.Label()
	if o.Uncertain {
		text += ": its creation was begun; if the next apply says that it exists:"
		return text
	}
	if o.Type != "" {
		text += " (" + o.Type + ")"
	}
	if o.Address != "" && o.Address != o.Label() {
		text += ", in the code " + o.Address
	}
	return text
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
