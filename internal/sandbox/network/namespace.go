package network

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// FreeNumber finds a number that no sandbox of this machine uses: none of the
// machine's interfaces has its link address. preferred is tried first.
func FreeNumber(preferred int) (int, error) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return 0, fmt.Errorf("list the machine's addresses: %w", err)
	}
	taken := map[string]bool{}
	for _, address := range addresses {
		if ip, _, err := net.ParseCIDR(address.String()); err == nil {
			taken[ip.String()] = true
		}
	}
	for i := range 256 {
		number := (preferred + i) % 256
		if !taken[Layout{Number: number}.MachineAddress().String()] {
			return number, nil
		}
	}
	return 0, errors.New("256 sandboxes run on this machine already")
}

// Create makes the namespace, its link to the machine and the machine's route
// to the public range. On failure Remove takes away what was made.
func Create(ctx context.Context, layout Layout) error {
	name := layout.Namespace()
	for _, arguments := range [][]string{
		{"netns", "add", name},
		{"-n", name, "link", "set", "lo", "up"},
		{"link", "add", layout.Link(), "type", "veth", "peer", "name", link, "netns", name},
		{"addr", "add", layout.MachineAddress().String() + "/30", "dev", layout.Link()},
		{"link", "set", layout.Link(), "up"},
		{"-n", name, "addr", "add", layout.NamespaceAddress().String() + "/30", "dev", link},
		{"-n", name, "link", "set", link, "up"},
		{"-n", name, "addr", "add", MetadataAddress + "/32", "dev", "lo"},
		{"-n", name, "addr", "add", ResolverAddress + "/32", "dev", "lo"},
		{"-n", name, "addr", "add", FrontAddress + "/32", "dev", "lo"},
		{"-n", name, "route", "add", "blackhole", layout.PublicRange().String()},
		{"route", "add", layout.PublicRange().String(), "via", layout.NamespaceAddress().String()},
	} {
		if err := run(ctx, nil, "ip", arguments...); err != nil {
			return err
		}
	}
	return Within(layout, func() error {
		for file, value := range map[string]string{
			"ipv4/ip_forward":                  "1",
			"ipv4/conf/all/send_redirects":     "0",
			"ipv4/conf/default/send_redirects": "0",
			"ipv4/conf/all/rp_filter":          "0",
			"ipv4/conf/default/rp_filter":      "0",
			"bridge/bridge-nf-call-iptables":   "0",
		} {
			err := os.WriteFile("/proc/sys/net/"+file, []byte(value), 0o644) //nolint:gosec // a kernel setting, not a file
			if errors.Is(err, os.ErrNotExist) && strings.HasPrefix(file, "bridge/") {
				continue // this kernel never filters what a bridge passes
			}
			if err != nil {
				return fmt.Errorf("set net/%s in namespace %s: %w", file, name, err)
			}
		}
		return nil
	})
}

// Remove takes away the link, the route that goes with it and the namespace
// with everything inside. What does not exist is no error.
func Remove(ctx context.Context, layout Layout) error {
	var errs []error
	if _, err := net.InterfaceByName(layout.Link()); err == nil {
		errs = append(errs, run(ctx, nil, "ip", "link", "delete", layout.Link()))
	}
	if _, err := os.Lstat(layout.NamespacePath()); err == nil {
		errs = append(errs, run(ctx, nil, "ip", "netns", "delete", layout.Namespace()))
	}
	return errors.Join(errs...)
}

// Apply makes ruleset the packet filter of the namespace, whole or not at all.
func Apply(ctx context.Context, layout Layout, ruleset string) error {
	return Within(layout, func() error { return run(ctx, strings.NewReader(ruleset), "nft", "-f", "-") })
}

// Forget ends every tracked connection through a public address, so that the
// next packet finds the host that the address belongs to now.
func Forget(ctx context.Context, layout Layout, public string) error {
	return Within(layout, func() error {
		var errs []error
		for _, field := range []string{"--orig-dst", "--reply-dst"} {
			err := run(ctx, nil, "conntrack", "-D", field, public)
			if err != nil && !strings.Contains(err.Error(), "0 flow entries") {
				errs = append(errs, err)
			}
		}
		return errors.Join(errs...)
	})
}

// PrepareBridge makes the namespace answer for neighbours on a subnet's
// bridge, so that packets between them pass the filter.
func PrepareBridge(layout Layout, bridge string) error {
	return Within(layout, func() error {
		for setting, value := range map[string]string{"proxy_arp_pvlan": "1", "send_redirects": "0"} {
			path := filepath.Join("/proc/sys/net/ipv4/conf", bridge, setting)
			if err := os.WriteFile(path, []byte(value), 0o644); err != nil { //nolint:gosec // a kernel setting, not a file
				return fmt.Errorf("set %s of bridge %s: %w", setting, bridge, err)
			}
		}
		return nil
	})
}

// Isolate keeps the bridge port with this interface index from its neighbours:
// it speaks to the namespace alone.
func Isolate(ctx context.Context, layout Layout, index int) error {
	return Within(layout, func() error {
		port, err := net.InterfaceByIndex(index)
		if err != nil {
			return fmt.Errorf("find port %d of namespace %s: %w", index, layout.Namespace(), err)
		}
		return run(ctx, nil, "bridge", "link", "set", "dev", port.Name, "isolated", "on")
	})
}

// Within calls work on a thread that is inside the namespace. Programs that
// work starts are inside it too. The thread ends afterwards.
func Within(layout Layout, work func() error) error {
	result := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		result <- func() (err error) {
			namespace, err := os.Open(layout.NamespacePath())
			if err != nil {
				return fmt.Errorf("open the sandbox's network namespace: %w", err)
			}
			defer func() { err = errors.Join(err, namespace.Close()) }()
			if err := Enter(namespace); err != nil {
				return fmt.Errorf("enter network namespace %s: %w", layout.Namespace(), err)
			}
			return work()
		}()
	}()
	return <-result
}

// run executes a program and makes its complaint the error.
func run(ctx context.Context, input *strings.Reader, program string, arguments ...string) error {
	command := exec.CommandContext(ctx, program, arguments...)
	if input != nil {
		command.Stdin = input
	}
	output, err := command.CombinedOutput()
	if err != nil {
		return fmt.Errorf("%s %s: %w: %s", program, strings.Join(arguments, " "), err, bytes.TrimSpace(output))
	}
	return nil
}
