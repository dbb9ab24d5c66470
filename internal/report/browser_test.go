//go:build endtoend

package report_test

import (
	"archive/tar"
	"compress/gzip"
	"context"
	"crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	browserlog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"infra/internal/report"
)

// axe-core finds what keeps people from reading a page. It is the npm package,
// whose archive must have this digest.
const (
	axePackage = "axe-core@4.10.3"
	axeSHA512  = "Xm7bpRXnDSX2YE2YFfBk2FnF0ep6tmG7xPh8iHee8MIcrgq762Nkce856dYtJYLkuIoYZvGfTs/PbZhideTcEg=="
)

// look is a way to look at a page.
type look struct {
	name          string
	width, height int64
	scheme        string // prefers-color-scheme
	media         string // print or empty
}

func looks() []look {
	return []look{
		{"light", 1280, 900, "light", ""}, {"dark", 1280, 900, "dark", ""}, {"narrow", 360, 740, "light", ""}, {"narrow-dark", 360, 740, "dark", ""}, {"print", 794, 1123, "light", "print"},
	}
}

// TestPagesInBrowser opens every kind of page in a browser as people do. The
// screenshots are for eyes.
func TestPagesInBrowser(t *testing.T) {
	pages := report.Pages(t)
	pages["audit"] = report.AuditPage(auditDocument(t, "high"))
	top, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	out := filepath.Join(top, ".infra", "reports", "check")
	if err := os.RemoveAll(out); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(out, 0o700); err != nil {
		t.Fatal(err)
	}
	axe := axeSource(t, top)
	browser := openBrowser(t)
	for name, p := range pages {
		path := filepath.Join(out, name+".html")
		file, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := errors.Join(p.Write(file), file.Close()); err != nil {
			t.Fatal(err)
		}
		for _, how := range looks() {
			t.Run(name+"/"+how.name, func(t *testing.T) { visit(browser, t, path, axe, how) })
		}
	}
	t.Logf("look at the pictures: %s", out)
}

func openBrowser(t *testing.T) context.Context {
	t.Helper()
	program := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			program = found
			break
		}
	}
	if program == "" {
		t.Fatal("no Chromium is on PATH: `make report-check` installs it for root, or: apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(program), chromedp.NoSandbox, // the pages are our own, and root has no sandbox
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND"), chromedp.UserDataDir(t.TempDir()))
	allocated, end := chromedp.NewExecAllocator(context.WithoutCancel(t.Context()), options...)
	t.Cleanup(end)
	browser, closeIt := chromedp.NewContext(allocated)
	t.Cleanup(closeIt)
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	return browser
}

// visit looks at one page in one way.
func visit(browser context.Context, t *testing.T, path, axe string, how look) {
	t.Helper()
	tab, closeTab := chromedp.NewContext(browser)
	defer closeTab()
	tab, cancel := context.WithTimeout(tab, 2*time.Minute)
	defer cancel()
	address := (&url.URL{Scheme: "file", Path: path}).String()
	complaints := listen(tab, address)
	features := []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: how.scheme}}
	var found []violation
	var overflow int
	var focused string
	var shot []byte
	err := chromedp.Run(tab,
		chromedp.EmulateViewport(how.width, how.height),
		emulation.SetEmulatedMedia().WithMedia(how.media).WithFeatures(features),
		chromedp.Navigate(address),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow),
		chromedp.FullScreenshot(&shot, 100),
		chromedp.KeyEvent("\t"),
		chromedp.Evaluate(`document.activeElement.tagName + " " + (document.activeElement.getAttribute("href") || document.activeElement.className)`, &focused),
		chromedp.Evaluate(axe+"; 0", nil),
		chromedp.Evaluate(axeRun, &found, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }),
	)
	if err != nil {
		t.Fatal(err)
	}
	picture := strings.TrimSuffix(path, ".html") + "-" + how.name + ".png"
	if err := os.WriteFile(picture, shot, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Errorf("axe: %s", v)
	}
	for _, c := range complaints() {
		t.Error(c)
	}
	if overflow > 0 {
		t.Errorf("the page is %d pixels wider than the window", overflow)
	}
	if how.media == "" && !strings.HasPrefix(focused, "A #s") && !strings.HasPrefix(focused, "DIV wide") {
		t.Errorf("the first thing that Tab reaches is %q", focused)
	}
	if how.media == "print" {
		printed(tab, t, strings.TrimSuffix(path, ".html")+".pdf")
	}
}

// printed prints the page.
func printed(tab context.Context, t *testing.T, path string) {
	t.Helper()
	err := chromedp.Run(tab, chromedp.ActionFunc(func(ctx context.Context) error {
		paper, _, err := page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
		if err != nil {
			return err
		}
		if len(paper) < 1000 {
			return fmt.Errorf("what was printed has %d bytes", len(paper))
		}
		return os.WriteFile(path, paper, 0o600)
	}))
	if err != nil {
		t.Error(err)
	}
}

// listen collects what a page must not do: ask for anything, say anything, fail.
func listen(tab context.Context, address string) func() []string {
	var mu sync.Mutex
	var heard []string
	add := func(format string, args ...any) {
		mu.Lock()
		defer mu.Unlock()
		heard = append(heard, fmt.Sprintf(format, args...))
	}
	// chromedp has these domains told to every tab.
	chromedp.ListenTarget(tab, func(event any) {
		switch e := event.(type) {
		case *network.EventRequestWillBeSent:
			if e.Request.URL != address {
				add("the page asks for %s", e.Request.URL)
			}
		case *runtime.EventConsoleAPICalled:
			add("the console says %s", e.Type)
		case *runtime.EventExceptionThrown:
			add("an exception: %s", e.ExceptionDetails.Text)
		case *browserlog.EventEntryAdded:
			add("the log says: %s", e.Entry.Text)
		}
	})
	return func() []string {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(heard)
	}
}

// violation is what axe-core finds.
type violation struct {
	ID    string   `json:"id"`
	Help  string   `json:"help"`
	Nodes []string `json:"nodes"`
}

func (v violation) String() string {
	text, err := json.Marshal(v)
	if err != nil {
		return v.ID
	}
	return string(text)
}

const axeRun = `axe.run(document, {resultTypes: ["violations"]}).then(r => r.violations.map(v => ({id: v.id, help: v.help, nodes: v.nodes.slice(0, 3).map(n => n.html.slice(0, 200) + " " + n.failureSummary)})))`

// axeSource is axe-core's script, fetched once by npm.
func axeSource(t *testing.T, top string) string {
	t.Helper()
	dir := filepath.Join(top, ".infra", "npm")
	archive := filepath.Join(dir, strings.ReplaceAll(axePackage, "@", "-")+".tgz")
	if _, err := os.Stat(archive); errors.Is(err, os.ErrNotExist) {
		if err := os.MkdirAll(dir, 0o700); err != nil {
			t.Fatal(err)
		}
		out, err := exec.CommandContext(t.Context(), "npm", "pack", axePackage, "--pack-destination", dir, "--ignore-scripts").CombinedOutput()
		if err != nil {
			t.Fatalf("npm pack %s: %v (apt-get install npm, where it is missing)\n%s", axePackage, err, out)
		}
	}
	packed, err := os.ReadFile(archive)
	if err != nil {
		t.Fatal(err)
	}
	if sum := sha512.Sum512(packed); base64.StdEncoding.EncodeToString(sum[:]) != axeSHA512 {
		t.Fatalf("%s is not %s: remove it and see where it came from", archive, axePackage)
	}
	unpacked, err := gzip.NewReader(strings.NewReader(string(packed)))
	if err != nil {
		t.Fatal(err)
	}
	for files := tar.NewReader(unpacked); ; {
		header, err := files.Next()
		if err != nil {
			t.Fatalf("the package has no axe.min.js: %v", err)
		}
		if header.Name == "package/axe.min.js" {
			source, err := io.ReadAll(files)
			if err != nil {
				t.Fatal(err)
			}
			return string(source)
		}
	}
}
