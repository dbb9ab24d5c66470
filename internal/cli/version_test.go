package cli

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"infra/internal/fault"
)

// Nobody is asked unless somebody wants it and says whom to ask.
func TestCheckUpgrade(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		_, _ = io.WriteString(w, `{"tag_name": "v1.10.0", "html_url": "https://example.com/v1.10.0"}`)
	}))
	t.Cleanup(server.Close)
	for name, c := range map[string]struct {
		own, variable string
		o             versionOptions
		news          string
		upgrade       bool
		asked         int
		code          fault.Code
	}{
		"by default":     {own: "1.9.0"},
		"an address":     {own: "1.9.0", o: versionOptions{from: server.URL}},
		"no address":     {own: "1.9.0", o: versionOptions{check: true}, code: fault.Usage},
		"a newer one":    {own: "1.9.0", o: versionOptions{check: true, from: server.URL}, news: "infra 1.10.0 is there: https://example.com/v1.10.0\n", upgrade: true, asked: 1},
		"by a variable":  {own: "1.9.0", variable: server.URL, news: "infra 1.10.0 is there: https://example.com/v1.10.0\n", upgrade: true, asked: 1},
		"none newer":     {own: "1.10.0", variable: server.URL, news: "there is no newer release\n", asked: 1},
		"own build":      {own: "dev", variable: server.URL, news: "the newest release is 1.10.0; this infra is no release\n", asked: 1},
		"nobody answers": {own: "1.9.0", variable: "http://127.0.0.1:1", code: fault.Failed},
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			t.Setenv("INFRA_UPGRADE_CHECK", c.variable)
			doc := versionDocument{Version: c.own}
			news, err := checkUpgrade(t.Context(), &doc, c.o)
			if fault.CodeOf(err) != c.code || news != c.news || doc.Upgrade != c.upgrade || asked != c.asked || (doc.Newest == "") != (c.asked == 0) {
				t.Errorf("%q, %+v, asked %d times, %v", news, doc, asked, err)
			}
		})
	}
}
