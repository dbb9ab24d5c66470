package sandbox

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/sandbox/engine"
)

// Usual is the sandbox of a project that lives until it is ended, whatever
// environment it serves.
func Usual(project string) Config {
	return Config{Project: project, Dir: filepath.Join(project, ".infra", "sandbox")}
}

// Clone is the sandbox of a throwaway environment: beside the usual one, and
// with all that the environment has in this checkout gone when it ends.
func Clone(project, name string) Config {
	below := func(folder string) string { return filepath.Join(project, ".infra", folder, name) }
	return Config{
		Project: project, Dir: below("sandboxes"), Environment: name,
		Discard: []string{
			filepath.Join(project, environment.Throwaways, name+".yaml"), below("ssh"), below("data"), below("runs"),
		},
	}
}

// known are the sandboxes of a project that have made something, running or
// not, with the endpoint that each has told.
func known(project string) ([]Config, error) {
	all := []Config{Usual(project)}
	entries, err := os.ReadDir(filepath.Dir(Clone(project, usual).Dir))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	for _, entry := range entries {
		if environment.ValidName(entry.Name()) {
			all = append(all, Clone(project, entry.Name()))
		}
	}
	var made []Config
	for _, config := range all {
		found, err := readRecord(config)
		if err != nil {
			return nil, err
		}
		if found.Daemon.PID == 0 {
			continue
		}
		config.Endpoint, config.Environment = found.Endpoint, cmp.Or(config.Environment, found.Environment, usual)
		made = append(made, config)
	}
	return made, nil
}

// Listed is one sandbox of a project.
type Listed struct {
	Environment string    `json:"environment"`
	Of          string    `json:"of,omitempty"` // what it is a clone of
	State       string    `json:"state"`
	Since       time.Time `json:"since"`
	Expires     time.Time `json:"expires,omitzero"`
	Endpoint    string    `json:"endpoint"`
	Hosts       int       `json:"hosts"`
	Memory      int64     `json:"memory_bytes,omitempty"` // 0 when only root could tell
}

// List tells of every sandbox of a project.
func List(ctx context.Context, project string) ([]Listed, error) {
	const op = "list the sandboxes"
	configs, err := known(project)
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "infra sandbox down")
	}
	all := []Listed{}
	for _, config := range configs {
		status, err := ReadStatus(ctx, config)
		if err != nil {
			return nil, err
		}
		lifetime, err := readLifetime(config)
		if err != nil {
			return nil, fault.New(fault.Failed, op, err, config.command("down"))
		}
		one := Listed{
			Environment: config.Environment, Of: lifetime.Of, State: status.State, Since: status.Since, Expires: status.Expires,
			Endpoint: status.Endpoint,
		}
		for _, host := range status.Hosts {
			if host.Container == "running" {
				one.Hosts++
			}
		}
		if status.State == running && os.Geteuid() == 0 {
			if one.Memory, err = memory(config); err != nil {
				return nil, fault.New(fault.Failed, op, err, "")
			}
		}
		all = append(all, one)
	}
	return all, nil
}

// memory is what a running sandbox holds: everything in its control group, and
// its daemon.
func memory(config Config) (int64, error) {
	found, err := readRecord(config)
	if err != nil {
		return 0, err
	}
	settled, err := config.settle()
	if err != nil {
		return 0, err
	}
	return engine.Memory(engine.Group(settled.layout()), found.Daemon.PID)
}

// Sweep ends the sandboxes whose time is over, those included that could not
// end themselves: a daemon that was killed, or a machine that was off. It says
// of each that it is gone, and gives their number.
func Sweep(ctx context.Context, project string, progress func(string)) (int, error) {
	configs, err := known(project)
	if err != nil {
		return 0, fault.New(fault.Failed, "end what has expired", err, "infra sandbox down")
	}
	swept := 0
	for _, config := range configs {
		found, err := readRecord(config)
		if err != nil {
			return swept, err
		}
		lifetime, err := readLifetime(config)
		if err != nil {
			return swept, fault.New(fault.Failed, "end what has expired", err, config.command("down"))
		}
		ended := found.Since // of one that has ended itself
		if found.Phase != expired {
			if !lifetime.over(time.Now()) {
				continue
			}
			ended = lifetime.Expires
		}
		if err := Down(ctx, config, func(string) {}); err != nil {
			return swept, err
		}
		swept++
		progress("the sandbox " + config.Environment + " expired at " + ended.Local().Format("2006-01-02 15:04:05") + " and is gone")
	}
	return swept, nil
}

// FreeEndpoint is the address of an AWS API that nobody uses and no other
// sandbox of the project is to have.
func FreeEndpoint(ctx context.Context, project string, taken []string) (string, error) {
	configs, err := known(project)
	if err != nil {
		return "", fault.New(fault.Failed, "choose an endpoint", err, "infra sandbox down")
	}
	used := map[int]bool{}
	for _, endpoint := range taken {
		if port, err := (Config{Endpoint: endpoint}).port(); err == nil {
			used[port] = true
		}
	}
	for _, config := range configs {
		if port, err := config.port(); err == nil {
			used[port] = true
		}
	}
	const first, last = 4567, 4999
	for port := first; port <= last; port++ {
		if !used[port] && checkPort(ctx, port) == nil {
			return endpointAt(port), nil
		}
	}
	return "", fault.New(fault.Failed, "choose an endpoint", errors.New("no port from 4567 to 4999 of 127.0.0.1 is free"), "infra sandbox list")
}
