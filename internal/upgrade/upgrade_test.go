package upgrade_test

import (
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"infra/internal/fault"
	"infra/internal/upgrade"
)

func answer(t *testing.T, code int, body string) string {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(code)
		_, _ = io.WriteString(w, body)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

func TestNewest(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]upgrade.Release{
		`{"tag_name": "v1.10.0", "html_url": "https://example.com/v1.10.0"}`: {Version: "1.10.0", URL: "https://example.com/v1.10.0"},
		`{"version": "2.0.0-rc1"}`: {Version: "2.0.0-rc1"},
	} {
		got, err := upgrade.Newest(t.Context(), answer(t, 200, body))
		if err != nil || got != want {
			t.Errorf("%s: %+v, %v", body, got, err)
		}
	}
	for _, bad := range []string{answer(t, 404, `{"version": "1.0.0"}`), answer(t, 200, `{}`), answer(t, 200, `<html>`), "http://127.0.0.1:1"} {
		if _, err := upgrade.Newest(t.Context(), bad); fault.CodeOf(err) != fault.Failed {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if _, err := upgrade.Newest(t.Context(), "file:///etc/passwd"); fault.CodeOf(err) != fault.Usage {
		t.Errorf("a file: %v", err)
	}
}

func TestNewer(t *testing.T) {
	t.Parallel()
	r := upgrade.Release{Version: "1.10.0"}
	for than, want := range map[string]bool{"1.9.3": true, "v1.9.3": true, "1.10.0": false, "1.11.0": false, "1.10.0-rc1": true} {
		if got, err := r.Newer(than); err != nil || got != want {
			t.Errorf("1.10.0 is newer than %s: %v, %v", than, got, err)
		}
	}
	if _, err := r.Newer("dev"); !errors.Is(err, upgrade.ErrNoRelease) {
		t.Errorf("than a build that is no release: %v", err)
	}
}
