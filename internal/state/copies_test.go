package state

import (
	"encoding/json"
	"strings"
	"testing"
)

// What was marked where it was put in is hidden where it was copied to, in the
// same instance and in others; words that are short or only near a secret are
// not.
func TestRow58CopiesOfSecretsAreMasked(t *testing.T) {
	const secret, other = "correct-horse-battery", "another-long-secret"
	raw := `{"version":4,"serial":1,"lineage":"l","outputs":{"o":{"value":"` + other + `","type":"string","sensitive":true}},"resources":[
	{"mode":"managed","type":"terraform_data","name":"a","provider":"p","instances":[{"attributes":
		{"id":"1","input":{"value":"` + secret + `","type":"string"},"output":{"value":"` + secret + `","type":"string"}},
		"sensitive_attributes":[[{"type":"get_attr","value":"input"}]]}]},
	{"mode":"managed","type":"x","name":"b","provider":"p","instances":[{"attributes":
		{"id":"2","list":["plain text here","` + other + `"],"url":"` + secret + `","kind":"string"}}]}]}`
	s, err := Parse([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range s.Instances() {
		shown, err := json.Marshal(i.Shown(false))
		if err != nil {
			t.Fatal(err)
		}
		text := string(shown)
		for _, l := range i.Leaves(false) {
			text += l.Path + "=" + l.Value + "\n"
		}
		if strings.Contains(text, secret) || strings.Contains(text, other) {
			t.Errorf("%s shows a secret:\n%s", i.Address, text)
		}
		if !strings.Contains(text, `"string"`) || i.Type == "x" && !strings.Contains(text, "plain text here") {
			t.Errorf("%s hides what is no secret:\n%s", i.Address, text)
		}
		if revealed, err := json.Marshal(i.Shown(true)); err != nil || !strings.Contains(string(revealed), secret) {
			t.Errorf("%v; revealed: %s", err, revealed)
		}
	}
}
