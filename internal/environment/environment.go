// Package environment turns environments/<name>.yaml into a valid, immutable
// Environment.
//
// A file is read as text, then as YAML nodes, then checked against the types
// in settings.go, so that every mistake is reported with its file, line and
// column, several at once. Files of an `extends` chain are checked one by one
// and merged afterwards; each value remembers where it came from, and a rule
// that only the merged whole can break is reported at that place.
package environment

// Environment is one deployment target. It never changes once loaded; what
// its methods return are copies.
type Environment struct {
	name     string
	file     string
	settings Settings
	places   map[string]Place
}

// Name is the file's name without .yaml.
func (e *Environment) Name() string { return e.name }

// File is the environment's file, relative to the project.
func (e *Environment) File() string { return e.file }

// Account is the AWS account, 12 digits.
func (e *Environment) Account() string { return e.settings.Account }

// Region is the AWS region.
func (e *Environment) Region() string { return e.settings.Region }

// Partition is the AWS partition that the region is in: aws, aws-cn,
// aws-us-gov or an isolated one.
func (e *Environment) Partition() string { return partition(e.settings.Region) }

// Protected says that every change asks for the name to be typed, and comes
// from reviewed code.
func (e *Environment) Protected() bool { return e.settings.Protected }

// Emulated says that the AWS API is the sandbox's emulator.
func (e *Environment) Emulated() bool { return e.settings.Emulated }

// Endpoint is the emulator's URL, empty unless Emulated.
func (e *Environment) Endpoint() string { return e.settings.Endpoint }

// Role is the role to assume; false when the caller's own credentials serve.
func (e *Environment) Role() (Role, bool) {
	if e.settings.Role == nil {
		return Role{}, false
	}
	return *e.settings.Role, true
}

// StateBucket is the name of the S3 bucket of states, lease and ledger.
func (e *Environment) StateBucket() string { return e.settings.State.Bucket }

// RecoveryRegion is the region of the second copy; empty: there is none.
func (e *Environment) RecoveryRegion() string {
	if e.settings.Recovery == nil {
		return ""
	}
	return e.settings.Recovery.Region
}

// RebuiltFrom is the environment that this one was rebuilt from; empty: it was
// not.
func (e *Environment) RebuiltFrom() string { return e.settings.RebuiltFrom }

// RecoveryBucket is the bucket of the second copy, if there is one.
func (e *Environment) RecoveryBucket() string { return e.recoveryBucket(e.name) }

func (e *Environment) recoveryBucket(of string) string {
	return "infra-recovery-" + of + "-" + e.settings.Account
}

// Tags are the tags of every resource.
func (e *Environment) Tags() map[string]string { return e.Settings().Tags }

// Maintenance are the windows in which a roll-out may change the environment;
// none: always.
func (e *Environment) Maintenance() []string { return e.Settings().Maintenance }

// Notify is who is told what a run, a drill or a look for drift came to.
func (e *Environment) Notify() Notify { return e.settings.Notify }

// SSH is how hosts are reached.
func (e *Environment) SSH() SSH { return e.Settings().SSH }

// Baseline is the baseline product's settings.
func (e *Environment) Baseline() Baseline { return e.Settings().Products.Baseline }

// Pipeline is the pipeline product's settings.
func (e *Environment) Pipeline() Pipeline { return e.Settings().Products.Pipeline }

// Settings is everything, as a copy that the caller may change.
func (e *Environment) Settings() Settings { return clone(e.settings) }

// Origin says where the value at a path such as "products.pipeline.vpc.cidr"
// stands; false when it is a default.
func (e *Environment) Origin(path string) (Place, bool) {
	p, ok := e.places[path]
	return p, ok
}
