package terraform

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// provider is the folder that makes a directory a mirror for us.
const provider = "registry.terraform.io/hashicorp/aws"

// Registry is where providers come from when there is no mirror.
const Registry = "https://registry.terraform.io"

// CLIConfig gives the value of TF_CLI_CONFIG_FILE for Terraform. The user's
// own configuration wins (empty means: leave it to Terraform); otherwise an
// offline mirror below the usual system places is written into a
// configuration of infra's own at file; with neither, the registry is used.
func CLIConfig(file string) (string, error) {
	if own := ownConfig(); own != "" {
		return own, nil
	}
	mirror := Mirror(MirrorPlaces())
	text := "disable_checkpoint = true\n"
	if mirror != "" {
		text += fmt.Sprintf("provider_installation {\n  filesystem_mirror {\n    path = %q\n  }\n  direct {\n    exclude = [\"registry.terraform.io/hashicorp/aws\"]\n  }\n}\n", mirror)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return "", fmt.Errorf("write Terraform's configuration: %w", err)
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return "", fmt.Errorf("write Terraform's configuration: %w", err)
	}
	return file, nil
}

// ownConfig is the user's CLI configuration when it exists: the file that
// TF_CLI_CONFIG_FILE names, else ~/.terraformrc.
func ownConfig() string {
	candidates := []string{os.Getenv("TF_CLI_CONFIG_FILE"), os.Getenv("TERRAFORM_CONFIG")}
	if home, err := os.UserHomeDir(); err == nil {
		candidates = append(candidates, filepath.Join(home, ".terraformrc"))
	}
	for _, path := range candidates {
		if path == "" {
			continue
		}
		if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
			return path
		}
	}
	return ""
}

// MirrorPlaces are the system places that are searched for a mirror.
func MirrorPlaces() []string {
	var places []string
	if home, err := os.UserHomeDir(); err == nil {
		places = append(places,
			filepath.Join(home, ".terraform.d"),
			filepath.Join(home, ".local", "share", "terraform"))
	}
	return append(places, "/usr/local/share", "/usr/share", "/opt")
}

// mirrorDepth is how many folders below a place a mirror may lie.
const mirrorDepth = 3

// Mirror finds the first folder at or below one of the places that holds
// registry.terraform.io/hashicorp/aws; empty when there is none.
func Mirror(places []string) string {
	for _, place := range places {
		found := ""
		err := filepath.WalkDir(place, func(path string, entry fs.DirEntry, err error) error {
			if err != nil || !entry.IsDir() {
				return nil //nolint:nilerr // what cannot be read cannot be a mirror
			}
			if info, err := os.Stat(filepath.Join(path, provider)); err == nil && info.IsDir() {
				found = path
				return fs.SkipAll
			}
			if relative, _ := filepath.Rel(place, path); relative != "." && strings.Count(relative, string(filepath.Separator)) >= mirrorDepth-1 {
				return fs.SkipDir
			}
			return nil
		})
		if err == nil && found != "" {
			return found
		}
	}
	return ""
}
