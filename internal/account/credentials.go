package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"

	"infra/internal/fault"
)

// assumedRole is the sessions of a role, one after the other, and whose
// credentials assume it.
type assumedRole struct {
	*aws.CredentialsCache
	base aws.CredentialsProvider
}

// baseOf is whose credentials everything begins with: the caller's own, also
// when a role was assumed with them.
func baseOf(cfg aws.Config) aws.CredentialsProvider {
	if role, ok := cfg.Credentials.(assumedRole); ok {
		return role.base
	}
	return cfg.Credentials
}

// Expiry tells until when the credentials work: the caller's own and the
// role's that is assumed with them. expires is zero when they never end, or
// when nobody knows; refreshable says that new ones come without a person, so
// that expires does not matter. It may ask for credentials, which are kept.
func Expiry(ctx context.Context, cfg aws.Config) (expires time.Time, refreshable bool, err error) {
	if cfg.Credentials == nil {
		return time.Time{}, false, nil
	}
	own, err := retrieve(ctx, baseOf(cfg))
	if err != nil {
		return time.Time{}, false, err
	}
	expires, refreshable = lifetime(own, sourcesOf(baseOf(cfg)), os.Getenv)
	role, assumed := cfg.Credentials.(assumedRole)
	if !assumed || (!refreshable && own.SessionToken != "") {
		return expires, refreshable, nil // a role ends with what it is assumed from
	}
	session, err := retrieve(ctx, role)
	return session.Expires, true, err
}

func retrieve(ctx context.Context, provider aws.CredentialsProvider) (aws.Credentials, error) {
	ctx, cancel := context.WithTimeout(ctx, 20*time.Second)
	defer cancel()
	got, err := provider.Retrieve(ctx)
	if err != nil {
		return got, fault.New(fault.Failed, "get AWS credentials", plain(err), "aws sts get-caller-identity")
	}
	return got, nil
}

// lifetime tells when credentials end, and whether their source gives new
// ones.
func lifetime(c aws.Credentials, sources []aws.CredentialSource, getenv func(string) string) (expires time.Time, refreshable bool) {
	if c.CanExpire {
		if slices.Contains(sources, aws.CredentialSourceEnvVarsSTSWebIDToken) {
			// A pipeline's token file may outlive the token in it.
			end := tokenEnd(getenv("AWS_WEB_IDENTITY_TOKEN_FILE"))
			return c.Expires, end.IsZero() || end.After(c.Expires)
		}
		return c.Expires, true
	}
	if c.SessionToken == "" {
		return time.Time{}, false // a user's access key
	}
	// A session that somebody else began and wrote down. Where it was written
	// by `aws configure export-credentials`, its end is too.
	if slices.Contains(sources, aws.CredentialSourceEnvVars) {
		if end, err := time.Parse(time.RFC3339, getenv("AWS_CREDENTIAL_EXPIRATION")); err == nil {
			return end, false
		}
	}
	return time.Time{}, false
}

func sourcesOf(provider aws.CredentialsProvider) []aws.CredentialSource {
	if s, ok := provider.(aws.CredentialProviderSource); ok {
		return s.ProviderSources()
	}
	return nil
}

// tokenEnd is when the web identity token in a file ends; zero when it does
// not say. The token is not verified: only STS decides on it.
func tokenEnd(file string) time.Time {
	data, err := os.ReadFile(file)
	if err != nil {
		return time.Time{}
	}
	parts := strings.Split(strings.TrimSpace(string(data)), ".")
	if len(parts) != 3 {
		return time.Time{}
	}
	payload, err := base64.RawURLEncoding.DecodeString(parts[1])
	var claims struct {
		End float64 `json:"exp"` // seconds
	}
	if err != nil || json.Unmarshal(payload, &claims) != nil || claims.End <= 0 {
		return time.Time{}
	}
	return time.Unix(int64(claims.End), 0)
}

// KeyAge tells when the caller's own access key was made. It is zero for
// credentials of a role, and where IAM does not answer: a caller who may not
// list keys, or a network without a way to IAM, is no reason to stop. who is
// who the credentials belong to.
func KeyAge(ctx context.Context, cfg aws.Config, who Identity) (created time.Time, err error) {
	const longLived = "AKIA" // a user's key; a session's begins with ASIA
	if cfg.Credentials == nil {
		return time.Time{}, nil
	}
	own, err := retrieve(ctx, baseOf(cfg))
	if err != nil || !strings.HasPrefix(own.AccessKeyID, longLived) {
		return time.Time{}, err
	}
	asking, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	out, err := iam.NewFromConfig(cfg, func(o *iam.Options) {
		o.Credentials = baseOf(cfg)
		o.RetryMaxAttempts = 1
	}).ListAccessKeys(asking, &iam.ListAccessKeysInput{})
	if errors.Is(ctx.Err(), context.Canceled) {
		return time.Time{}, fault.New(fault.Interrupted, "ask how old the access key of "+who.ARN+" is", ctx.Err(), "")
	}
	if err != nil {
		return time.Time{}, nil // not being told is an answer, see above
	}
	for _, key := range out.AccessKeyMetadata {
		if aws.ToString(key.AccessKeyId) == own.AccessKeyID {
			return aws.ToTime(key.CreateDate), nil
		}
	}
	return time.Time{}, nil
}
