package account

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"infra/internal/fault"
)

// Endpoint hands this process's credentials to the programs that it starts,
// over and over for as long as it is open, so that they never run out of
// them: every AWS SDK asks such an endpoint on its own, before the old ones
// end. Nothing is copied that stays valid after a run. It listens on the
// loopback address, and only who can read its token file gets an answer.
type Endpoint struct {
	url    string
	token  string // file that holds the token
	server *http.Server
	ended  chan struct{}
}

// Serve opens an endpoint for the credentials of cfg. Its token goes to a
// file in dir that only the owner can read. The caller closes it.
func Serve(ctx context.Context, cfg aws.Config, dir string) (*Endpoint, error) {
	const op = "hand credentials to what infra starts"
	listener, err := new(net.ListenConfig).Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fault.New(fault.Failed, op, err, "")
	}
	token := rand.Text()
	e := &Endpoint{url: "http://" + listener.Addr().String() + "/credentials", token: filepath.Join(dir, "credentials-token"), ended: make(chan struct{})}
	if err := os.WriteFile(e.token, []byte(token), 0o600); err != nil {
		return nil, fault.New(fault.Failed, op, errors.Join(err, listener.Close()), "")
	}
	e.server = &http.Server{Handler: handler(cfg.Credentials, token), ReadHeaderTimeout: 5 * time.Second, MaxHeaderBytes: 16 << 10}
	go func() {
		defer close(e.ended)
		_ = e.server.Serve(listener) // it always ends with an error, here because it was closed
	}()
	return e, nil
}

// Environment turns env, the environment of a program that is to be started,
// to the endpoint: no other credentials are left in it.
func (e *Endpoint) Environment(env map[string]string) {
	for _, name := range []string{
		"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_SECURITY_TOKEN", "AWS_CREDENTIAL_EXPIRATION",
		"AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_ROLE_ARN", "AWS_ROLE_SESSION_NAME", "AWS_WEB_IDENTITY_TOKEN_FILE",
		"AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_AUTHORIZATION_TOKEN",
	} {
		delete(env, name)
	}
	// What stands in the caller's files would come first.
	env["AWS_CONFIG_FILE"], env["AWS_SHARED_CREDENTIALS_FILE"] = os.DevNull, os.DevNull
	env["AWS_CONTAINER_CREDENTIALS_FULL_URI"], env["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] = e.url, e.token
}

// Close ends the endpoint: from here on it answers nobody.
func (e *Endpoint) Close() error {
	err := e.server.Close()
	<-e.ended
	if err = errors.Join(err, os.Remove(e.token)); err != nil {
		return fault.New(fault.Failed, "end the endpoint for credentials", err, "")
	}
	return nil
}

// handler answers in the form that SDKs expect of a container's host.
func handler(provider aws.CredentialsProvider, token string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		if r.Method != http.MethodGet || subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), []byte(token)) != 1 {
			answer(w, http.StatusForbidden, map[string]string{"code": "Forbidden", "message": "this endpoint is not for you"})
			return
		}
		c, err := provider.Retrieve(r.Context())
		if err != nil {
			answer(w, http.StatusServiceUnavailable, map[string]string{"code": "Unavailable", "message": plain(err).Error()})
			return
		}
		answer(w, http.StatusOK, map[string]string{
			"AccessKeyId": c.AccessKeyID, "SecretAccessKey": c.SecretAccessKey, "Token": c.SessionToken,
			"Expiration": endOf(provider, c).UTC().Format(time.RFC3339),
		})
	})
}

// endOf is when what provider gave really ends. A role's sessions say that they
// end when they are to be replaced. An SDK must not be told so: what it was
// given just before that moment would have ended when it looks, and boto raises
// an error for credentials that are new and have ended.
func endOf(provider aws.CredentialsProvider, c aws.Credentials) time.Time {
	if !c.CanExpire {
		return time.Now().Add(roleSession) // they ask again; SDKs want a time
	}
	if _, assumed := provider.(assumedRole); assumed {
		return c.Expires.Add(roleMargin)
	}
	return c.Expires
}

// answer writes a document; who asked may be gone, and asks again.
func answer(w http.ResponseWriter, status int, document map[string]string) {
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(document)
}
