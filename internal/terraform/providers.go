package terraform

import (
	"path"
	"regexp"
	"runtime"
)

// lockedProvider is a provider's block in a dependency lock file, up to its
// version.
var lockedProvider = regexp.MustCompile(`(?m)^provider "([^"\n]+)" \{\n\s+version\s*=\s*"([^"\n]+)"`)

// LockFile is the name of the dependency lock file in a root module.
const LockFile = ".terraform.lock.hcl"

// Locked are the versions that a dependency lock file names, by the provider's
// short name, such as aws.
func Locked(text []byte) map[string]string {
	versions := map[string]string{}
	for _, found := range lockedProvider.FindAllSubmatch(text, -1) {
		versions[path.Base(string(found[1]))] = string(found[2])
	}
	return versions
}

// lockPlatform is what to type when a provider has no checksum that the lock
// file names: it may have been made on machines of other platforms alone.
func (w *Workspace) lockPlatform() string {
	return "if " + LockFile + " was never made for " + runtime.GOOS + "/" + runtime.GOARCH + ": terraform -chdir=" + w.Root +
		" providers lock -platform=" + runtime.GOOS + "_" + runtime.GOARCH + ", then commit it\n" +
		"if it was: what came is not what was locked; do not go on"
}
