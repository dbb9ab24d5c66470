package ssh

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"infra/internal/inventory"
)

// write makes ssh_config, its interactive twin and known_hosts, all 0600.
func (c *Client) write() error {
	for _, path := range []string{c.settings.Directory, c.settings.IdentityFile, c.sockets} {
		if path == "" {
			continue
		}
		if err := usablePath(path); err != nil {
			return err
		}
	}
	if !filepath.IsAbs(c.settings.Directory) {
		return fmt.Errorf("run directory %q is not an absolute path", c.settings.Directory)
	}
	batch, err := c.render(true)
	if err != nil {
		return err
	}
	interactive, err := c.render(false)
	if err != nil {
		return err
	}
	for path, content := range map[string]string{
		c.ConfigFile():      batch,
		c.interactiveFile(): interactive,
		c.KnownHostsFile():  c.settings.Keys.knownHosts(),
	} {
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			return err
		}
	}
	return nil
}

// usablePath refuses what OpenSSH would expand or cannot quote.
func usablePath(path string) error {
	if strings.ContainsAny(path, "\"\\\n\r\x00") || strings.Contains(path, "${") {
		return fmt.Errorf("path %q cannot be written into an ssh_config", path)
	}
	return nil
}

// quoted is a checked path as an ssh_config argument.
func quoted(path string) string {
	return `"` + strings.ReplaceAll(path, "%", "%%") + `"`
}

func socketName(index int) string { return strconv.Itoa(index + 1) }

// render is the whole ssh_config. With batch, OpenSSH never asks anything.
// The flag has to be in the file: the ssh that a ProxyJump starts is given the
// file but no options of the command line.
func (c *Client) render(batch bool) (string, error) {
	var b strings.Builder
	b.WriteString("# Written by infra. Host keys come from the cloud; nothing is trusted on first use.\n")
	for i, h := range c.settings.Hosts {
		if err := c.renderHost(&b, i, h); err != nil {
			return "", fmt.Errorf("host %s: %w", h.Label(), err)
		}
	}
	if !safeWord(c.settings.User) {
		return "", fmt.Errorf("user %q is not an account name", c.settings.User)
	}
	fmt.Fprintf(&b, "\nHost *\n")
	line := func(key, value string) { fmt.Fprintf(&b, "  %s %s\n", key, value) }
	line("User", c.settings.User)
	if c.settings.IdentityFile != "" {
		line("IdentityFile", quoted(c.settings.IdentityFile))
		line("IdentitiesOnly", "yes")
	}
	line("UserKnownHostsFile", quoted(c.KnownHostsFile()))
	line("GlobalKnownHostsFile", "/dev/null")
	line("StrictHostKeyChecking", "yes")
	line("UpdateHostKeys", "no")
	line("CheckHostIP", "no")
	line("VerifyHostKeyDNS", "no")
	line("PreferredAuthentications", "publickey")
	line("PasswordAuthentication", "no")
	line("KbdInteractiveAuthentication", "no")
	line("ForwardAgent", "no")
	line("ForwardX11", "no")
	line("ControlMaster", "auto")
	line("ControlPersist", "60s")
	line("ConnectTimeout", "10")
	line("ConnectionAttempts", "1")
	line("ServerAliveInterval", "5")
	line("ServerAliveCountMax", "6")
	line("LogLevel", "ERROR")
	if batch {
		line("BatchMode", "yes")
	} else {
		line("BatchMode", "no")
	}
	return b.String(), nil
}

func (c *Client) renderHost(b *strings.Builder, index int, h inventory.Host) error {
	if !regexp.MustCompile(`^i-[0-9a-f]{8,17}$`).MatchString(h.ID) || !safeWord(h.Name) || !safeAddress(h.PrivateAddress) || !safeAddress(h.PublicAddress) {
		return errors.New("its id, name or address is not of the expected form")
	}
	line := func(key, value string) { fmt.Fprintf(b, "  %s %s\n", key, value) }
	fmt.Fprintf(b, "\nHost %s %s %s\n", h.ID, h.Name, h.PrivateAddress)
	address := h.PrivateAddress
	switch {
	case c.settings.Access == SSM:
		if !safeWord(c.settings.Region) {
			return fmt.Errorf("region %q is not of the expected form", c.settings.Region)
		}
		// OpenSSH hands this line to a shell: it holds checked words only.
		line("ProxyCommand", "aws ssm start-session --region "+c.settings.Region+" --target "+h.ID+
			" --document-name AWS-StartSSHSession --parameters portNumber=%p")
	case h.IsBastion():
		if h.PublicAddress != "" {
			address = h.PublicAddress
		}
	default:
		bastion, ok := c.bastion()
		if !ok {
			return errors.New("there is no bastion to reach it through; with access through Systems Manager set products.pipeline.vpc.access: ssm")
		}
		line("ProxyJump", bastion.ID)
	}
	line("HostName", address)
	line("HostKeyAlias", h.ID)
	line("ControlPath", quoted(filepath.Join(c.sockets, socketName(index))))
	if port := c.settings.ports[h.ID]; port != 0 {
		line("Port", strconv.Itoa(port))
	}
	return nil
}

func (c *Client) bastion() (inventory.Host, bool) {
	for _, h := range c.settings.Hosts {
		if h.IsBastion() {
			return h, true
		}
	}
	return inventory.Host{}, false
}

// safeWord allows names that mean the same to ssh_config, a shell and a
// person, and are no option.
func safeWord(word string) bool {
	return regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$`).MatchString(word)
}

func safeAddress(address string) bool {
	return regexp.MustCompile(`^[0-9A-Fa-f:.]{0,45}$`).MatchString(address)
}
