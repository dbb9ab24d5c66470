package drift

import (
	"cmp"
	"fmt"
	"strings"
)

// Image is the machine image that new hosts are made of.
type Image struct {
	ID   string
	Name string // as the environment's file asks for it; * stands for anything
}

// Images tells which of the environment's hosts are made of another image than
// new ones would be. Where the file pins no image, but takes the newest of many,
// it is no drift that a newer one has come out. names are those of images, by id.
func Images(all []Machine, managed map[string]bool, wanted Image, names map[string]string, ignore Ignore) []Finding {
	var found []Finding
	for _, m := range all {
		if !managed[m.ID] || m.Image == wanted.ID {
			continue
		}
		f := Finding{
			Kind: OldImage, ID: m.ID, Name: m.Name, Noise: ignore.named("instance", m.ID, m.Name),
			Detail: fmt.Sprintf("made of %s, new hosts of %s", cmp.Or(names[m.Image], m.Image), cmp.Or(names[wanted.ID], wanted.ID)),
		}
		if strings.Contains(wanted.Name, "*") {
			f.Noise = cmp.Or(f.Noise, "products.pipeline.image pins none, a host keeps its own")
		}
		found = append(found, f)
	}
	return found
}
