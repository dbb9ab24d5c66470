package packer

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"time"

	"infra/internal/fault"
)

// Install is the command that installs the template's plugins.
const Install = "packer init " + Template + "; where GitHub is out of reach, packer plugins install --path FILE SOURCE for each of them"

// askLimit bounds how long Packer may take to look at a template.
const askLimit = time.Minute

// Find is where Packer is.
func Find() (string, error) {
	bin, err := exec.LookPath("packer")
	if err != nil {
		return "", fault.New(fault.Failed, "", errors.New("packer is not on PATH"),
			"install Packer 1.11 or newer, or leave out --packer: infra makes the image by itself in an environment that was applied")
	}
	return bin, nil
}

// Missing are the template's plugins that are not installed, each with the
// version that is wanted. Packer is asked, and nothing of the network. `packer
// init` would tell too, but takes nothing that was built on this machine.
func Missing(ctx context.Context, bin string, env []string, template string) ([]string, error) {
	ctx, cancel := context.WithTimeout(ctx, askLimit)
	defer cancel()
	command := exec.CommandContext(ctx, bin, "plugins", "required", template)
	command.Env = env
	out, err := command.CombinedOutput()
	if err != nil {
		return nil, fmt.Errorf("packer plugins required %s: %w: %s", template, err, strings.TrimSpace(string(out)))
	}
	return missing(string(out)), nil
}

// missing reads a line such as this one for each plugin, which goes on with the
// paths of those installed:
// amazon github.com/hashicorp/amazon "~> 1.3" /root/.config/packer/plugins/...
func missing(said string) []string {
	var none []string
	for _, plugin := range regexp.MustCompile(`(?m)^\S+ (\S+) "([^"]*)"([^\n]*)$`).FindAllStringSubmatch(said, -1) {
		if strings.TrimSpace(plugin[3]) == "" {
			none = append(none, plugin[1]+" "+plugin[2])
		}
	}
	slices.Sort(none) // Packer's order is another one each time
	return none
}

// Environment is what Packer gets to see of its own variables: where its
// plugins are, and how it may ask GitHub for them.
func Environment() []string {
	env := []string{"CHECKPOINT_DISABLE=1"} // it asks its maker for nothing
	for _, name := range []string{"PACKER_PLUGIN_PATH", "PACKER_CONFIG_DIR", "PACKER_GITHUB_API_TOKEN"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}
