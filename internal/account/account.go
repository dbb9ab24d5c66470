// Package account reaches the AWS account of an environment: the SDK's
// configuration, who the caller is, and the environment variables that give
// child processes the same access.
package account

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"

	"infra/internal/environment"
	"infra/internal/fault"
)

// Target names the account to reach.
type Target struct {
	Region     string
	Endpoint   string // of an emulator; empty for AWS itself
	RoleARN    string // assumed when not empty
	ExternalID string // for RoleARN
	Session    string // role session name, usually the run id
}

// TargetOf is the target that an environment names.
func TargetOf(env *environment.Environment) Target {
	t := Target{Region: env.Region(), Endpoint: env.Endpoint()}
	if role, ok := env.Role(); ok {
		t.RoleARN, t.ExternalID, t.Session = role.ARN, role.ExternalID, "infra-"+env.Name()
	}
	return t
}

// Identity is who the credentials belong to.
type Identity struct {
	Account string // 12 digits
	ARN     string
	Region  string
}

// emulatorKey is the access key that an emulator is given: the caller's own
// credentials must never reach it.
const emulatorKey = "sandbox"

const (
	// roleSession is how long a session of an assumed role lasts: what every
	// role allows, also when it is assumed from another role's session.
	roleSession = time.Hour
	// roleMargin is how long before its end a session is replaced: a request
	// or a child that starts now must not be cut off.
	roleMargin = 5 * time.Minute
)

// Config is the SDK's configuration for the target. No request is made yet.
func Config(ctx context.Context, t Target) (aws.Config, error) {
	attempts := 4
	if t.Endpoint != "" {
		attempts = 2 // on this machine, what does not answer at once is not there
	}
	opts := []func(*config.LoadOptions) error{
		config.WithRegion(t.Region),
		config.WithLogger(logging.Nop{}), // what went wrong is in the errors
		config.WithRetryer(func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) { o.MaxAttempts = attempts; o.MaxBackoff = 5 * time.Second })
		}),
	}
	if t.Endpoint != "" {
		opts = append(opts,
			config.WithBaseEndpoint(t.Endpoint),
			config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider(emulatorKey, emulatorKey, "")))
	}
	cfg, err := config.LoadDefaultConfig(ctx, opts...)
	if err != nil {
		return aws.Config{}, fault.New(fault.Usage, "load the AWS configuration", err, "aws configure list")
	}
	if t.RoleARN != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(cfg), t.RoleARN, func(o *stscreds.AssumeRoleOptions) {
			o.RoleSessionName = t.Session
			o.Duration = roleSession
			if t.ExternalID != "" {
				o.ExternalID = aws.String(t.ExternalID)
			}
		})
		cache := aws.NewCredentialsCache(provider, func(o *aws.CredentialsCacheOptions) { o.ExpiryWindow = roleMargin })
		cfg.Credentials = assumedRole{CredentialsCache: cache, base: cfg.Credentials}
	}
	return cfg, nil
}

// In is a configuration for another region, with the same credentials.
func In(cfg aws.Config, region string) aws.Config {
	cfg = cfg.Copy()
	cfg.Region = region
	return cfg
}

// Caller asks AWS whose credentials these are.
func Caller(ctx context.Context, cfg aws.Config, t Target) (Identity, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	out, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		if t.Endpoint != "" {
			return Identity{}, fault.New(fault.Failed, "reach the sandbox's AWS API at "+t.Endpoint, plain(err), "infra sandbox up")
		}
		return Identity{}, fault.New(fault.Failed, "ask AWS who the caller is", plain(err), "aws sts get-caller-identity --region "+t.Region)
	}
	return Identity{Account: aws.ToString(out.Account), ARN: aws.ToString(out.Arn), Region: cfg.Region}, nil
}

// plain keeps the last, human part of an SDK error: the chain in front of it
// repeats operation names and request ids.
func plain(err error) error {
	if errors.Is(err, context.Canceled) {
		return context.Canceled
	}
	var response *awshttp.ResponseError
	var api smithy.APIError
	if errors.As(err, &response) && response.HTTPStatusCode() != 0 && !errors.As(err, &api) {
		return fmt.Errorf("what answers there is no AWS API: HTTP %d", response.HTTPStatusCode())
	}
	text := err.Error()
	for _, mark := range []string{"api error ", "dial tcp", "failed to refresh cached credentials, "} {
		if i := strings.LastIndex(text, mark); i >= 0 {
			return errors.New(text[i:])
		}
	}
	return err
}

// passedOn are the variables of the caller that children may see. Everything
// else, TF_VAR_*, TF_CLI_ARGS* and ANSIBLE_* above all, stays behind.
func passedOn() []string {
	return []string{
		"PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "TERM", "TMPDIR",
		"SSL_CERT_FILE", "SSL_CERT_DIR", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
		"SSH_AUTH_SOCK", "XDG_RUNTIME_DIR",
	}
}

// Environment is the whole environment of a child process that talks to the
// target: an allow-list of the caller's, and the access to AWS.
func Environment(t Target) map[string]string {
	env := map[string]string{}
	for _, name := range passedOn() {
		if value, ok := os.LookupEnv(name); ok {
			env[name] = value
		}
	}
	if t.Endpoint == "" {
		for _, pair := range os.Environ() {
			if name, value, _ := strings.Cut(pair, "="); strings.HasPrefix(name, "AWS_") {
				env[name] = value
			}
		}
	} else {
		env["AWS_ACCESS_KEY_ID"] = emulatorKey
		env["AWS_SECRET_ACCESS_KEY"] = emulatorKey
		env["AWS_ENDPOINT_URL"] = t.Endpoint
		env["AWS_EC2_METADATA_DISABLED"] = "true"
		env["AWS_CONFIG_FILE"] = os.DevNull
		env["AWS_SHARED_CREDENTIALS_FILE"] = os.DevNull
	}
	env["AWS_REGION"] = t.Region
	env["AWS_DEFAULT_REGION"] = t.Region
	return env
}

// Pairs writes an environment as exec.Cmd wants it.
func Pairs(env map[string]string) []string {
	pairs := make([]string, 0, len(env))
	for name, value := range env {
		pairs = append(pairs, fmt.Sprintf("%s=%s", name, value))
	}
	return pairs
}
