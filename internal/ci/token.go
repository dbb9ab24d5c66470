package ci

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"infra/internal/fault"
)

// Where a job of GitHub that has the permission `id-token: write` asks for a
// token of OpenID Connect, and with what.
const (
	tokenURL    = "ACTIONS_ID_TOKEN_REQUEST_URL"
	tokenBearer = "ACTIONS_ID_TOKEN_REQUEST_TOKEN"
)

// awsAudience is for whom the token is: what AWS expects of GitHub's.
const awsAudience = "sts.amazonaws.com"

// tokenLimit bounds the answer: a token has a few kilobytes.
const tokenLimit = 64 << 10

// Token asks GitHub for a token that says which repository and branch this job
// is of. It is good for some minutes only, so that each environment gets its
// own. Empty: this job has none to ask for.
func Token(ctx context.Context, getenv func(string) string) (string, error) {
	if getenv(tokenURL) == "" {
		return "", nil
	}
	token, err := askToken(ctx, getenv(tokenURL), getenv(tokenBearer))
	if err != nil {
		return "", fault.New(fault.Failed, "ask GitHub for a token of this job", err, "give the job the permission id-token: write")
	}
	return token, nil
}

func askToken(ctx context.Context, from, bearer string) (token string, err error) {
	address, err := url.Parse(from)
	if err != nil {
		return "", errors.New(tokenURL + " is no address")
	}
	query := address.Query()
	query.Set("audience", awsAudience)
	address.RawQuery = query.Encode()
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address.String(), nil)
	if err != nil {
		return "", err
	}
	request.Header.Set("Authorization", "bearer "+bearer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, response.Body.Close()) }()
	if response.StatusCode != http.StatusOK {
		return "", fmt.Errorf("HTTP %d", response.StatusCode)
	}
	var answer struct {
		Value string `json:"value"`
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, tokenLimit)).Decode(&answer); err != nil || answer.Value == "" {
		return "", errors.New("the answer holds no token")
	}
	return answer.Value, nil
}
