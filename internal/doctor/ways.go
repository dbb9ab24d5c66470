package doctor

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"syscall"
	"time"

	"infra/internal/fault"
	"infra/internal/sandbox"
	"infra/internal/stack"
	"infra/internal/state"
)

// sandboxNeeds are root, and the packages that hosts are made with: Docker
// among them.
func (s Subject) sandboxNeeds(context.Context) Finding {
	f := Finding{Check: "sandbox: root, Docker and packages", State: OK, Detail: "all there"}
	unsupported, missing := sandbox.Supported(), sandbox.MissingPackages()
	switch {
	case unsupported != nil:
		f.State, f.Detail, f.Mend = Fail, unsupported.Error(), fault.HintOf(unsupported)
	case os.Geteuid() != 0:
		f.State, f.Detail, f.Mend = Fail, "a sandbox needs root", "sudo "+s.sandboxUp()
	case len(missing) > 0:
		f.State, f.Detail, f.Mend = Warn, "infra sandbox up installs "+strings.Join(missing, " "), "apt-get install --no-install-recommends "+strings.Join(missing, " ")
	}
	return f
}

func (s Subject) sandboxUp() string { return "infra sandbox up --environment " + s.Env.Name() }

// sandboxPort is that of the emulator: it answers, or it is free.
func (s Subject) sandboxPort(ctx context.Context) Finding {
	f := Finding{Check: "sandbox: port"}
	at, err := url.Parse(s.Env.Endpoint())
	if err != nil {
		f.State, f.Detail, f.Mend = Fail, err.Error(), "endpoint in "+s.Env.File()
		return f
	}
	if answers(ctx, at.Host) == nil {
		f.State, f.Detail = OK, "something answers at "+at.Host
		return f
	}
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", at.Host)
	if err != nil {
		f.State, f.Detail = Fail, fmt.Sprintf("nothing answers at %s, and it is not free: %v", at.Host, err)
		f.Mend = "ss -ltnp sport = :" + at.Port() + " shows who has it, or another endpoint in " + s.Env.File()
		return f
	}
	if err := listener.Close(); err != nil {
		f.State, f.Detail = Unknown, err.Error()
		return f
	}
	f.State, f.Detail = OK, at.Host+" is free for infra sandbox up"
	return f
}

// awsProgram and sessionManager are what ssh goes through where hosts have no
// public address.
func awsProgram(ctx context.Context) Finding {
	return program(ctx, "AWS CLI, for access by ssm", Fail, getAWS, "aws", "--version")
}

func sessionManager(ctx context.Context) Finding {
	return program(ctx, "Session Manager plugin, for access by ssm", Fail, getSession, "session-manager-plugin", "--version")
}

// bastion knocks at the SSH port of the bastion that the state knows.
func (s Subject) bastion(ctx context.Context) Finding {
	f := Finding{Check: "way to the hosts"}
	if s.Env.Pipeline().VPC.Access == "ssm" {
		f.State, f.Detail = OK, "by Systems Manager; no port of a host is open"
		return f
	}
	address, err := s.bastionAddress(ctx)
	switch {
	case errors.Is(err, state.ErrAbsent):
		f.State, f.Detail = OK, "a bastion, which the first apply makes"
		return f
	case err != nil:
		f.State, f.Detail, f.Mend = Unknown, "the state could not be read: "+err.Error(), "infra output "+s.Env.Name()+" vpc"
		return f
	case address == "":
		f.State, f.Detail, f.Mend = Warn, "the state has no bastion", "infra apply "+s.Env.Name()
		return f
	}
	at := net.JoinHostPort(address, "22")
	if err := answers(ctx, at); err != nil {
		f.State, f.Detail = Fail, fmt.Sprintf("the bastion does not answer at %s: %v", at, err)
		f.Mend = "infra ssh " + s.Env.Name() + " bastion says why; this machine's address has to be in vpc.bastion_allowed_cidrs"
		return f
	}
	f.State, f.Detail = OK, "the bastion answers at "+at
	return f
}

func (s Subject) bastionAddress(ctx context.Context) (string, error) {
	b, err := s.states(ctx)
	if err != nil {
		return "", err
	}
	applied, err := b.Read(ctx, stack.Stack{Product: "pipeline", Environment: s.Env.Name()}.StateKey())
	if err != nil {
		return "", err
	}
	var vpc struct {
		Bastion string `json:"bastion_address"`
	}
	_, err = applied.Decode("vpc", &vpc)
	return vpc.Bastion, err
}

// answers tells whether a port takes connections.
func answers(ctx context.Context, at string) error {
	connection, err := (&net.Dialer{Timeout: 8 * time.Second}).DialContext(ctx, "tcp", at)
	var number syscall.Errno
	switch {
	case errors.As(err, &number):
		return number
	case err != nil:
		return err
	}
	return connection.Close()
}
