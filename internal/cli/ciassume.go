package cli

import (
	"context"
	"errors"
	"os"
	"path/filepath"

	"infra/internal/ci"
	"infra/internal/environment"
	"infra/internal/fault"
)

// The variables by which AWS's SDKs know a token of OpenID Connect, the role to
// take with it, and a key that comes before both.
const (
	tokenFile = "AWS_WEB_IDENTITY_TOKEN_FILE"
	tokenRole = "AWS_ROLE_ARN"
	accessKey = "AWS_ACCESS_KEY_ID" //nolint:gosec // G101: the name of a variable
)

// assume lets the SDK take the environment's own role where the pipeline gave
// a token and no role: with one token, each account is entered by its own. A
// job of GitHub that has no file with a token is asked for one. An emulator
// takes none.
func assume(ctx context.Context, g *globals, dir, name, verb string) (restore func(), err error) {
	restore = func() {}
	if os.Getenv(tokenRole) != "" || os.Getenv(accessKey) != "" {
		return restore, nil
	}
	env, err := environment.Load(dir, name)
	if err != nil || env.Emulated() {
		return restore, err
	}
	if os.Getenv(tokenFile) != "" {
		return setAll(map[string]string{tokenRole: roleARN(env, verb)})
	}
	token, err := ci.Token(ctx, os.Getenv)
	if err != nil || token == "" {
		return restore, err
	}
	g.con.Mask(token)
	folder, err := os.MkdirTemp("", "infra-token-") // 0700
	if err == nil {
		err = os.WriteFile(filepath.Join(folder, "token"), []byte(token), 0o600)
	}
	if err != nil {
		return restore, fault.New(fault.Failed, "write the job's token", errors.Join(err, os.RemoveAll(folder)), "df -h "+os.TempDir())
	}
	unset, err := setAll(map[string]string{tokenRole: roleARN(env, verb), tokenFile: filepath.Join(folder, "token")})
	return func() {
		unset()
		_ = os.RemoveAll(folder) // the token ends by itself in minutes
	}, err
}

// setAll sets variables that were not set before, until restore is called.
func setAll(variables map[string]string) (restore func(), err error) {
	for name, value := range variables {
		err = errors.Join(err, os.Setenv(name, value))
	}
	return func() {
		for name := range variables {
			_ = os.Unsetenv(name)
		}
	}, err
}
