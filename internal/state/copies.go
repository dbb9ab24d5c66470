package state

import "strings"

// shortestSecret is how long a value must be for its copies to be hidden: a
// shorter one is a word that means other things elsewhere.
const shortestSecret = 8

// hideCopies makes instances hide every copy of a secret, wherever it stands:
// Terraform calls a value sensitive where it was put in, and not where a
// provider has copied it to. A secret is a text that is marked itself, in any
// instance, or that is a sensitive output.
func hideCopies(instances []Instance, outputs map[string]Output) {
	secrets := map[string]bool{}
	note := func(v any) {
		if text, ok := v.(string); ok && len(text) >= shortestSecret {
			secrets[text] = true
		}
	}
	for _, i := range instances {
		if len(i.sensitive) == 0 {
			continue
		}
		marked := newMask(i.sensitive).paths
		mask{}.flatten(decode(i.Attributes), "", false, func(l Leaf) {
			// terraform_data keeps type and value of what it was given below the mark.
			above, _, _ := strings.Cut(l.Path, ".value")
			if marked[l.Path] || l.Path == above+".value" && marked[above] {
				note(decode([]byte(l.Value)))
			}
		})
	}
	for _, o := range outputs {
		if o.Sensitive {
			note(decode(o.Value))
		}
	}
	for n := range instances {
		instances[n].secrets = secrets
	}
}

// mask is what the instance must not show.
func (i Instance) mask() mask {
	m := newMask(i.sensitive)
	m.copies = i.secrets
	return m
}

// copied tells whether a value is that of a secret.
func (m mask) copied(v any) bool {
	text, ok := v.(string)
	return ok && m.copies[text]
}
