package packer

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Packer itself finds nothing wrong with the template and the variables that
// infra gives it, where it is on PATH with the plugins.
func TestPackerAcceptsTheTemplate(t *testing.T) {
	bin, err := Find()
	if err != nil {
		t.Skip("NOT TESTED: " + err.Error())
	}
	path, err := filepath.Abs(filepath.Join("..", "..", Template))
	if err != nil {
		t.Fatal(err)
	}
	missing, err := Missing(t.Context(), bin, os.Environ(), path)
	if err != nil {
		t.Fatal(err)
	}
	if len(missing) > 0 {
		t.Skip("NOT TESTED: not installed are " + strings.Join(missing, ", "))
	}
	for name, v := range map[string]Variables{
		"AWS":      {},
		"emulator": {Endpoint: "http://127.0.0.1:4566", AllowedCIDRs: []string{"198.18.0.0/15"}},
	} {
		t.Run(name, func(t *testing.T) {
			v.Name, v.Environment, v.Region, v.Base, v.RootDevice, v.RootGB, v.User = "hosts-1", "prod", "eu-west-1", "ami-0123456789abcdef0", "/dev/xvda", 8, "admin"
			v.Ansible, v.PlaybookCommand = filepath.Dir(filepath.Dir(path)), "ansible-playbook"
			v.Manifest = filepath.Join(t.TempDir(), "image.json")
			v.Tags, v.BuilderTags = map[string]string{"environment": "prod"}, map[string]string{"purpose": "image-builder"}
			variables := filepath.Join(t.TempDir(), "image.pkrvars.json")
			if err := v.write(variables); err != nil {
				t.Fatal(err)
			}
			for _, arguments := range [][]string{{"fmt", "-check", "-diff", path}, {"validate", "-var-file=" + variables, path}} {
				if out, err := exec.CommandContext(t.Context(), bin, arguments...).CombinedOutput(); err != nil {
					t.Errorf("packer %s: %v\n%s", strings.Join(arguments, " "), err, out)
				}
			}
		})
	}
}
