// Package provision is the flow of infra and the only package that knows the
// order of things: environment, account guard, state bucket, stacks in waves
// (plan, guard, approval, apply), outputs, inventory, Ansible, verification.
package provision

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"infra/internal/account"
	"infra/internal/console"
	"infra/internal/emr"
	"infra/internal/environment"
	"infra/internal/fault"
	"infra/internal/git"
	"infra/internal/guard"
	"infra/internal/run"
	"infra/internal/stack"
	"infra/internal/state"
	"infra/internal/trace"
)

// Platform is an environment with its account open: the credentials belong
// to the account that the environment names.
type Platform struct {
	Project string
	Env     *environment.Environment
	Run     *run.Run
	Caller  account.Identity
	Code    guard.GitFacts // of the project: which commit this is
	Content string         // digest of what the environment is made of in that commit; only a pipeline asks for it

	Rollout string // that the run is a part of; only infra fleet sets it

	con     *console.Console
	telling telling
	target  account.Target
	aws     aws.Config
	bucket  *state.Bucket
	second  *state.Bucket // of second copies, in another region; nil: the environment has none
	runs    *run.Store

	holder  run.Holder   // of the lease: this run
	lease   *run.Lease   // held while something may change
	record  *run.Record  // of this run, for the ledger
	opened  bool         // the ledger knows that this run changes something
	applied bool         // this run has changed resources
	colours emr.Colours  // of EMR's clusters, as they are meant to be; zero until something is planned
	looking bool         // nothing at all may be written, not even host keys
	dropped []state.Lock // locks of Terraform that dead runs had left and that this one has removed
}

// Open loads the environment and checks the account before anything else is
// touched.
func Open(ctx context.Context, project, name string, con *console.Console) (_ *Platform, err error) {
	p, err := Connect(ctx, project, name, con)
	if err != nil {
		return nil, err
	}
	ctx, end := trace.Start(ctx, "guard", "infra.environment", name)
	defer end(&err)
	group, asking := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		p.Caller, err = account.Caller(asking, p.aws, p.target)
		return err
	})
	group.Go(func() (err error) {
		p.Code, err = git.Look(asking, project, false)
		return err
	})
	if err := group.Wait(); err != nil {
		return nil, err
	}
	err = guard.Account(
		guard.Target{Environment: name, File: p.Env.File(), Account: p.Env.Account(), Region: p.Env.Region(), Partition: p.Env.Partition()},
		guard.Identity{Account: p.Caller.Account, ARN: p.Caller.ARN, Region: p.Caller.Region})
	if err != nil {
		return nil, err
	}
	con.Detail("%s: account %s, region %s, as %s", name, p.Caller.Account, p.Env.Region(), p.Caller.ARN)
	return p, nil
}

// Connect is Open without a request: enough to read what the state says,
// since S3 itself refuses a bucket of another account.
func Connect(ctx context.Context, project, name string, con *console.Console) (_ *Platform, err error) {
	ctx, end := trace.Start(ctx, "config", "infra.environment", name)
	defer end(&err)
	env, err := environment.Load(project, name)
	if err != nil {
		return nil, err
	}
	return With(ctx, project, env, con)
}

// With is Connect to an environment that was read already: to read each of
// many by its name is to read all of them for each.
func With(ctx context.Context, project string, env *environment.Environment, con *console.Console) (_ *Platform, err error) {
	p := &Platform{Project: project, Env: env, con: con, target: account.TargetOf(env)}
	for _, name := range []string{"AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN"} {
		con.Mask(os.Getenv(name))
	}
	if p.aws, err = account.Config(ctx, p.target); err != nil {
		return nil, err
	}
	p.bucket = state.NewBucket(p.aws, env.StateBucket(), env.Account(), env.Emulated(), env.Tags())
	if region := env.RecoveryRegion(); region != "" {
		p.second = state.NewRecovery(account.In(p.aws, region), env.RecoveryBucket(), env.Account(), env.Emulated(), env.Tags())
	}
	p.runs = run.NewStore(p.objects(), p.bucket.Name, env.Account(), env.Name())
	p.runs.File = env.File()
	return p, nil
}

// Begin makes the run's directory; commands that only read do without one.
func (p *Platform) Begin() error {
	r, err := run.New(p.Project, p.Env.Name())
	if err != nil {
		return fault.New(fault.Failed, "begin a run", err, "")
	}
	p.Run = r
	if p.telling.journal, err = r.Journal(); err != nil {
		return fault.New(fault.Failed, "begin a run", err, "")
	}
	p.con.Detail("run %s, directory %s", r.ID, r.Dir)
	return nil
}

// objects is S3 as the environment wants it to be addressed.
func (p *Platform) objects() *s3.Client {
	return s3.NewFromConfig(p.aws, func(o *s3.Options) { o.UsePathStyle = p.Env.Emulated() })
}

// AWS is the SDK's configuration for the environment's account.
func (p *Platform) AWS() aws.Config { return p.aws }

// Bucket is the environment's state bucket.
func (p *Platform) Bucket() *state.Bucket { return p.bucket }

// Bootstrap makes or corrects the state bucket, and that of second copies, and
// tells what it did.
func (p *Platform) Bootstrap(ctx context.Context) ([]string, error) {
	did, err := p.bucket.Bootstrap(ctx)
	if err != nil || p.second == nil {
		return did, err
	}
	more, err := p.second.Bootstrap(ctx)
	return append(did, more...), err
}

// State reads a stack's state; a stack never applied is state.ErrAbsent.
func (p *Platform) State(ctx context.Context, product string) (*state.State, error) {
	return p.bucket.Read(ctx, p.stack(product).StateKey())
}

// Applied reads the state of the product that has hosts, with an error for
// people when there is none.
func (p *Platform) Applied(ctx context.Context, product string) (*state.State, error) {
	s, err := p.State(ctx, product)
	if errors.Is(err, state.ErrAbsent) {
		return nil, fault.New(fault.Failed, "read the state of "+p.stack(product).String(), errors.New("it was never applied"), "infra apply "+p.Env.Name())
	}
	return s, err
}

func (p *Platform) stack(product string) stack.Stack {
	return stack.Stack{Product: product, Environment: p.Env.Name()}
}

// dataDir is what Terraform keeps between runs, one folder a stack.
func (p *Platform) dataDir(product string) string {
	return filepath.Join(p.Project, ".infra", "data", p.Env.Name(), product)
}

// childEnvironment is what Terraform and Ansible may see of ours.
func (p *Platform) childEnvironment() map[string]string { return account.Environment(p.target) }
