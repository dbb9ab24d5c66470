// Package upgrade asks which version of infra is the newest. It is asked only
// where somebody wants to know and has said whom to ask: infra calls nobody of
// its own accord.
package upgrade

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-version"

	"infra/internal/fault"
)

// limit is how long the answer may take.
const limit = 5 * time.Second

// Release is the newest one.
type Release struct {
	Version string // without a v in front
	URL     string // where it is; may be empty
}

// Newest asks an address that answers as GitHub's .../releases/latest does, or
// with {"version": ..., "url": ...}.
func Newest(ctx context.Context, address string) (Release, error) {
	op := "ask for the newest version of infra"
	place, err := url.Parse(address)
	if err != nil || place.Host == "" || place.Scheme != "https" && place.Scheme != "http" {
		return Release{}, fault.New(fault.Usage, op, fmt.Errorf("%q is no address to ask", address), "infra version --check --from https://...")
	}
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, http.NoBody)
	if err != nil {
		return Release{}, fault.New(fault.Usage, op, err, "")
	}
	request.Header.Set("Accept", "application/json")
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return Release{}, fault.New(fault.Failed, op, err, "")
	}
	defer func() { _ = answer.Body.Close() }() // only read
	if answer.StatusCode != http.StatusOK {
		return Release{}, fault.New(fault.Failed, op, fmt.Errorf("%s answered %s", place.Host, answer.Status), "")
	}
	const most = 1 << 20
	var said struct {
		Tag     string `json:"tag_name"`
		Page    string `json:"html_url"`
		Version string `json:"version"`
		URL     string `json:"url"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, most)).Decode(&said); err != nil {
		return Release{}, fault.New(fault.Failed, op, fmt.Errorf("what %s answered is not understood: %w", place.Host, err), "")
	}
	newest, err := version.NewSemver(cmp.Or(said.Version, said.Tag))
	if err != nil {
		return Release{}, fault.New(fault.Failed, op, fmt.Errorf("what %s answered names no version", place.Host), "")
	}
	return Release{Version: newest.String(), URL: cmp.Or(said.Page, said.URL)}, nil
}

// ErrNoRelease says that a version is none of a release.
var ErrNoRelease = errors.New("this infra is no release")

// Newer tells whether the release is newer than a version.
func (r Release) Newer(than string) (bool, error) {
	own, err := version.NewSemver(than)
	if err != nil {
		return false, ErrNoRelease
	}
	newest, err := version.NewSemver(r.Version)
	if err != nil {
		return false, err
	}
	return newest.GreaterThan(own), nil
}
