//go:build endtoend

package report_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"infra/internal/report"
	"infra/internal/stack"
)

// mermaid draws what Markdown shows as a picture.
func mermaid() npmPackage {
	return npmPackage{"mermaid@11.4.1", "Mb01JT/x6CKDWaxigwfZYuYmDZ6xtrNwNlidKZwkSrDaY9n90tdrJTV5Umk+wP1fZscGptmKFXHsXMDEVZ+Q6A=="}
}

// TestMermaidInBrowser has Mermaid itself draw what infra writes for it, and
// the pictures of the guides.
func TestMermaidInBrowser(t *testing.T) {
	drawn := map[string]string{"dependencies": stack.Mermaid("prod"), "environment": report.Mermaid(t)}
	fence := regexp.MustCompile("(?s)```mermaid\n(.*?)```")
	for _, guide := range []string{"../../README.md", "../README.md"} {
		text, err := os.ReadFile(guide)
		if err != nil {
			t.Fatal(err)
		}
		found := fence.FindAllSubmatch(text, -1)
		if len(found) == 0 {
			t.Errorf("%s has no picture", guide)
		}
		for i, one := range found {
			drawn[fmt.Sprintf("%s %d", filepath.Clean(guide), i+1)] = string(one[1])
		}
	}
	browser := openBrowser(t)
	if err := chromedp.Run(browser, chromedp.Navigate("about:blank"), chromedp.Evaluate(mermaid().file(t, "dist/mermaid.min.js")+"; 0", nil)); err != nil {
		t.Fatal(err)
	}
	for name, text := range drawn {
		source, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var answer string
		ask := fmt.Sprintf(`mermaid.render("picture", %s).then(r => r.svg.slice(0, 4), e => String(e))`, source)
		err = chromedp.Run(browser, chromedp.Evaluate(ask, &answer, func(p *runtime.EvaluateParams) *runtime.EvaluateParams { return p.WithAwaitPromise(true) }))
		if err != nil || answer != "<svg" {
			t.Errorf("%s: %v, Mermaid says %s\n%s", name, err, answer, text)
		}
	}
}
