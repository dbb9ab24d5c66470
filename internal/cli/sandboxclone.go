package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"infra/internal/clone"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/sandbox"
)

const (
	usualTTL   = 8 * time.Hour
	longestTTL = 30 * 24 * time.Hour
)

// cloneOptions are the flags of sandbox clone.
type cloneOptions struct {
	as          string
	ttl         time.Duration
	show, empty bool
}

func newSandboxCloneCommand(s *sandboxCommand) *cobra.Command {
	var o cloneOptions
	cmd := describe(&cobra.Command{
		Use:   "clone ENV --as NAME",
		Short: "An environment in small, in a sandbox of its own that ends by itself",
		Long: `Makes an environment NAME that extends ENV: its layers, zones, sizes of ensembles and databases, versions and
features, on small machines and volumes, without its account, keys, role, protection and addresses. Says what could not
be carried over, brings up a sandbox of its own beside others, applies it, and ends it when its time is over: no
container, network, mount or packet filter rule stays, nor the environment.

Its file lies in .infra/environments, so that it is in nobody's commit. All commands take NAME as they take ENV;
"infra diff ENV NAME" lists what differs. Cloned again, it follows the original's file and gets a new end.`,
		Args: environmentArgument,
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := checkTTL(cmd, o.ttl); err != nil {
				return err
			}
			return s.clone(cmd.Context(), args[0], o)
		},
	}, "  infra sandbox clone prod --as me --ttl 8h\n  infra sandbox clone prod --as me --show", fault.Refused, fault.Locked, fault.Hosts, fault.StateNotSaved)
	flags := cmd.Flags()
	flags.StringVar(&o.as, "as", "", "name of the clone: that of no other environment")
	flags.DurationVar(&o.ttl, "ttl", usualTTL, "end it so long from now")
	flags.BoolVar(&o.show, "show", false, "only print the clone's file and what could not be carried over; make nothing")
	flags.BoolVar(&o.empty, "empty", false, "bring up the sandbox, but apply nothing")
	return cmd
}

// checkTTL refuses a lifetime that makes no sense, where one is given.
func checkTTL(cmd *cobra.Command, ttl time.Duration) error {
	if cmd.Flags().Changed("ttl") && (ttl <= 0 || ttl > longestTTL) {
		return fault.New(fault.Usage, "", fmt.Errorf("--ttl is %s, it can be up to %s", ttl, longestTTL), cmd.CommandPath()+" --help")
	}
	return nil
}

func (s *sandboxCommand) clone(ctx context.Context, of string, o cloneOptions) error {
	project, err := s.project()
	if err != nil {
		return err
	}
	if _, err := s.sweep(ctx); err != nil {
		return err
	}
	source, err := environment.Load(project, of)
	if err != nil {
		return err
	}
	config, err := cloneConfig(ctx, project, source, o.as)
	if err != nil {
		return err
	}
	made, err := clone.Of(source, config.Endpoint)
	if err != nil {
		return fault.New(fault.Failed, "clone "+of, err, "")
	}
	s.con.Print(cloneText(made, o.as))
	if o.show {
		_, err := s.con.Out().Write(made.File)
		return err
	}
	if err := s.raise(ctx, config, made, o); err != nil || o.empty {
		return err
	}
	apply := applyOptions{autoApprove: true}
	apply.sel.Parallelism = parallelism
	return runApply(ctx, s.globals, o.as, apply)
}

// cloneConfig says where the clone is, or would be: one that exists keeps its
// endpoint, and stays a clone of the same environment.
func cloneConfig(ctx context.Context, project string, source *environment.Environment, name string) (sandbox.Config, error) {
	op := "clone " + source.Name()
	if !environment.ValidName(name) {
		return sandbox.Config{}, fault.New(fault.Usage, op, fmt.Errorf("--as is %q, no name of an environment", name), "infra sandbox clone "+source.Name()+" --as me")
	}
	names, err := environment.List(project)
	if err != nil {
		return sandbox.Config{}, err
	}
	var taken []string
	for _, other := range names {
		if other == name {
			return sandbox.Config{}, fault.New(fault.Usage, op, fmt.Errorf("%s is an environment of this project", name), "choose another name")
		}
		if env, err := environment.Load(project, other); err == nil { // a broken one has no sandbox
			taken = append(taken, env.Endpoint())
		}
	}
	config := sandbox.Clone(project, name)
	lifetime, err := sandbox.ReadLifetime(config)
	if err != nil {
		return config, err
	}
	if lifetime.Of != "" && lifetime.Of != source.Name() {
		return config, fault.New(fault.Refused, op, fmt.Errorf("%s is a clone of %s", name, lifetime.Of), "infra sandbox down --environment "+name+", or choose another name")
	}
	if before, err := environment.Load(project, name); err == nil {
		config.Endpoint = before.Endpoint()
		return config, nil
	}
	config.Endpoint, err = sandbox.FreeEndpoint(ctx, project, taken)
	return config, err
}

// raise writes the clone's file and brings its sandbox up. What could not be
// brought up leaves no environment behind.
func (s *sandboxCommand) raise(ctx context.Context, config sandbox.Config, made clone.Clone, o cloneOptions) (err error) {
	file := filepath.Join(config.Project, environment.Throwaways, o.as+".yaml")
	op := "clone " + made.Of
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	if err := os.WriteFile(file, made.File, 0o600); err != nil {
		return fault.New(fault.Failed, op, err, "")
	}
	served := *s
	served.name = o.as
	err = served.with(ctx, func(c sandbox.Config) error {
		c.Lifetime = sandbox.Lifetime{Of: made.Of, Expires: time.Now().Add(o.ttl)}
		return sandbox.Up(ctx, c, s.progress)
	})
	if err != nil && !sandbox.Exists(config) {
		return errors.Join(err, os.Remove(file))
	}
	if err == nil {
		s.progress(fmt.Sprintf("%s ends by itself at %s; put it off with: infra sandbox up --environment %s --ttl %s",
			o.as, time.Now().Add(o.ttl).Format("2006-01-02 15:04"), o.as, o.ttl))
	}
	return err
}
