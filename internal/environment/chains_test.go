package environment_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"infra/internal/environment"
)

func TestChains(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"root.yaml":   "region: eu-west-1\nemulated: true\n",
		"base.yaml":   "extends: root\n",
		"prod.yaml":   "extends: base\naccount: \"123456789012\"\n",
		"twin.yaml":   "extends: prod\nemulated: false\n",
		"broken.yaml": "a: [\n",
		"lost.yaml":   "extends: none\n",
		"circle.yaml": "extends: circle\n",
	})
	got, err := environment.Chains(dir)
	if err != nil {
		t.Fatal(err)
	}
	const prod = "environments/prod.yaml environments/base.yaml environments/root.yaml"
	want := map[string]string{
		"prod": prod, "twin": "environments/twin.yaml " + prod,
		"broken": "environments/broken.yaml", "lost": "environments/lost.yaml",
	}
	for name, files := range want {
		if text := strings.Join(got[name].Files, " "); text != files {
			t.Errorf("%s is made of %s, want %s", name, text, files)
		}
	}
	if !got["prod"].Emulated || got["twin"].Emulated || got["lost"].Emulated {
		t.Errorf("emulated: %+v", got)
	}
	if names := slices.Sorted(maps.Keys(got)); !slices.Equal(names, []string{"broken", "circle", "lost", "prod", "twin"}) {
		t.Errorf("the environments are %v", names)
	}
}
