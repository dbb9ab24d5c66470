//go:build endtoend

package report_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
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
	pages["rebuild"] = report.RebuildPage(report.Rebuild(rebuilt()))
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
	script := axe().file(t, "axe.min.js")
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
			t.Run(name+"/"+how.name, func(t *testing.T) { visit(browser, t, path, script, how) })
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
	t.Cleanup(func() {
		// It ends by itself, with its children: one that is killed leaves them writing
		// to the folder that is about to be removed.
		if err := chromedp.Cancel(browser); err != nil {
			t.Error(err)
		}
	})
	if err := chromedp.Run(browser); err != nil {
		t.Fatal(err)
	}
	return browser
}

// visit looks at one page in one way.
func visit(browser context.Context, t *testing.T, path, script string, how look) {
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
	var clipped []string
	var keys keyboard
	var shot []byte
	err := chromedp.Run(tab,
		chromedp.EmulateViewport(how.width, how.height),
		emulation.SetEmulatedMedia().WithMedia(how.media).WithFeatures(features),
		chromedp.Navigate(address),
		chromedp.Evaluate(`document.documentElement.scrollWidth - document.documentElement.clientWidth`, &overflow),
		chromedp.FullScreenshot(&shot, 100),
		chromedp.Evaluate(`[...document.querySelectorAll(".wide")].filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.textContent.trim().slice(0, 60))`, &clipped),
		keys.walk(how.media == ""),
		chromedp.Evaluate(script+"; 0", nil),
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
	for _, problem := range keys.problems {
		t.Errorf("by the keyboard: %s", problem)
	}
	if how.media == "print" {
		for _, text := range clipped { // on a screen it scrolls; on paper it is cut off
			t.Errorf("wider than the paper: %s", text)
		}
		printed(tab, t, strings.TrimSuffix(path, ".html")+".pdf")
	}
}

// keyboard is who reads a page without a mouse.
type keyboard struct {
	problems []string
}

// walk presses Tab until every place was reached once: each must be another
// than the ones before, and be seen to be in focus. Paper has no keyboard.
func (k *keyboard) walk(screen bool) chromedp.Action {
	return chromedp.ActionFunc(func(ctx context.Context) error {
		wanted, reached := 0, map[int]bool{}
		if err := chromedp.Run(ctx, chromedp.Evaluate(`document.querySelectorAll("a[href], [tabindex], summary").length`, &wanted)); err != nil || !screen {
			return err
		}
		for range wanted {
			var at struct {
				Place int    `json:"place"`
				Seen  bool   `json:"seen"`
				What  string `json:"what"`
			}
			if err := chromedp.Run(ctx, chromedp.KeyEvent("\t"), chromedp.Evaluate(`(() => {
				const e = document.activeElement, style = getComputedStyle(e)
				return {
					place: [...document.querySelectorAll("a[href], [tabindex], summary")].indexOf(e),
					seen: style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0,
					what: e.tagName + " " + (e.getAttribute("href") || e.className),
				}
			})()`, &at)); err != nil {
				return err
			}
			switch {
			case at.Place < 0 || reached[at.Place]:
				k.problems = append(k.problems, fmt.Sprintf("Tab comes to %s after %d of %d places", at.What, len(reached), wanted))
				return nil
			case !at.Seen:
				k.problems = append(k.problems, at.What+" is in focus and does not look so")
			}
			reached[at.Place] = true
		}
		return nil
	})
}

// printed prints the page.
func printed(tab context.Context, t *testing.T, path string) {
	t.Helper()
	err := chromedp.Run(tab, chromedp.ActionFunc(func(ctx context.Context) error {
		paper, _, err := page.PrintToPDF().WithPreferCSSPageSize(true).Do(ctx)
		if err != nil {
			return err
		}
		if pages := bytes.Count(paper, []byte("/Type /Page\n")); pages == 0 {
			return fmt.Errorf("what was printed has no page, in %d bytes", len(paper))
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
