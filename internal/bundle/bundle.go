// Package bundle keeps the plans of all stacks of an environment in one file,
// from the moment they were approved to the moment they are applied. The file
// is a gzipped tar: manifest.json first, then one plan file a stack. A plan
// holds secrets in clear, so the file is readable by its owner only, and
// encrypted by KMS when it is kept in S3.
package bundle

import (
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"time"

	"infra/internal/guard"
)

// Schema names the format of a manifest.
const Schema = "infra/bundle/v1"

// Manifest says what is in a bundle and on what it stands.
type Manifest struct {
	Schema      string    `json:"schema"` // Schema; Write sets it
	Environment string    `json:"environment"`
	Account     string    `json:"account"` // 12 digits
	Region      string    `json:"region"`
	Run         string    `json:"run"`               // id of the run that planned
	Created     time.Time `json:"created"`           // by the server's clock
	Expires     time.Time `json:"expires"`           // by the server's clock
	Commit      string    `json:"commit"`            // of HEAD; empty when the project is no repository
	Content     string    `json:"content,omitempty"` // digest of all that the environment is made of in the commit, lower-case hex; a pipeline's plan has one
	Dirty       bool      `json:"dirty"`             // it was planned from files that are in no commit
	Terraform   string    `json:"terraform"`
	Selection   Selection `json:"selection"`
	Stacks      []Stack   `json:"stacks"` // in the order to apply them
}

// Selection is what was asked to be planned.
type Selection struct {
	Products     []string `json:"products,omitempty"` // empty: all
	Layers       []string `json:"layers,omitempty"`   // empty: all
	RefreshOnly  bool     `json:"refresh_only,omitempty"`
	AllowDestroy []string `json:"allow_destroy,omitempty"` // addresses of stateful resources that may go
}

// Stack is one stack's plan, or why there is none.
type Stack struct {
	Product       string         `json:"product"`
	Deferred      string         `json:"deferred,omitempty"` // why it could not be planned; it is planned and approved on its own when applied
	File          string         `json:"file,omitempty"`     // name in the bundle; empty when deferred or nothing would change. Write sets it
	SHA256        string         `json:"sha256,omitempty"`   // of the plan file, lower-case hex. Write sets it, or compares when it is set
	Changes       []guard.Change `json:"changes"`
	Drift         []guard.Change `json:"changed_outside"`
	OutputsChange bool           `json:"outputs_change"`
	State         *guard.Version `json:"state"`            // planned against; null: there was none
	Inputs        string         `json:"inputs,omitempty"` // digest of what it reads from other stacks, lower-case hex
}

// Bundle is a bundle on this machine.
type Bundle struct {
	Manifest
	Path   string // of the file
	Digest string // SHA-256 of the file, lower-case hex

	plans map[string]string // product -> plan file on this machine
}

// Plan is the path of a product's plan file; empty when the bundle has none.
func (b Bundle) Plan(product string) string { return b.plans[product] }

// Bounds of what is read: far above what plans of thousands of resources
// need, far below what would fill a machine.
const (
	manifestLimit = 32 << 20
	planLimit     = 512 << 20
	fileLimit     = 2 << 30
	stackLimit    = 64
)

// manifestName is the first file of a bundle.
const manifestName = "manifest.json"

// planName is the file of a product's plan, in the bundle and beside it.
func planName(product string) string { return product + ".tfplan" }

// parseManifest reads a manifest and checks it.
func parseManifest(data []byte) (Manifest, error) {
	var m Manifest
	if err := json.Unmarshal(data, &m); err != nil {
		return m, fmt.Errorf("its manifest is no JSON of a manifest: %w", err)
	}
	return m, m.check()
}

// check refuses a manifest that says too little, or what could not be meant.
func (m Manifest) check() error {
	name := regexp.MustCompile(`^[a-z][a-z0-9-]{1,30}$`)
	switch {
	case m.Schema != Schema:
		return fmt.Errorf("its format is %q, this infra reads %q", m.Schema, Schema)
	case !name.MatchString(m.Environment):
		return fmt.Errorf("its environment is named %q", m.Environment)
	case !regexp.MustCompile(`^[0-9]{12}$`).MatchString(m.Account):
		return fmt.Errorf("its account is %q", m.Account)
	case !regexp.MustCompile(`^[a-z0-9-]{1,32}$`).MatchString(m.Region):
		return fmt.Errorf("its region is %q", m.Region)
	case !regexp.MustCompile(`^[0-9A-Za-z][0-9A-Za-z-]{0,63}$`).MatchString(m.Run):
		return fmt.Errorf("its run is %q", m.Run)
	case !regexp.MustCompile(`^([0-9a-f]{40,64})?$`).MatchString(m.Commit):
		return fmt.Errorf("its commit is %q", m.Commit)
	case !regexp.MustCompile(`^([0-9a-f]{64})?$`).MatchString(m.Content):
		return fmt.Errorf("its content is %q", m.Content)
	case m.Created.IsZero() || !m.Created.Before(m.Expires):
		return fmt.Errorf("it lives from %s to %s", m.Created, m.Expires)
	case len(m.Stacks) == 0:
		return errors.New("it holds no stack")
	case len(m.Stacks) > stackLimit:
		return fmt.Errorf("it holds %d stacks, more than %d", len(m.Stacks), stackLimit)
	}
	for i, s := range m.Stacks {
		twice := slices.ContainsFunc(m.Stacks[:i], func(before Stack) bool { return before.Product == s.Product })
		switch {
		case !name.MatchString(s.Product):
			return fmt.Errorf("a stack's product is named %q", s.Product)
		case twice:
			return fmt.Errorf("it holds the product %s twice", s.Product)
		case s.File == "" && s.SHA256 != "":
			return fmt.Errorf("%s has a SHA-256 and no plan file", s.Product)
		case s.File != "" && (s.File != planName(s.Product) || !regexp.MustCompile(`^[0-9a-f]{64}$`).MatchString(s.SHA256)):
			return fmt.Errorf("the plan file of %s is %q with SHA-256 %q", s.Product, s.File, s.SHA256)
		case s.File != "" && s.Deferred != "":
			return fmt.Errorf("%s is deferred and has a plan", s.Product)
		}
	}
	return nil
}
