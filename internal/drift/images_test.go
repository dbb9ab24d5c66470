package drift_test

import (
	"testing"

	"infra/internal/drift"
)

func TestImages(t *testing.T) {
	t.Parallel()
	all := []drift.Machine{
		{ID: "i-1", Name: "old", Image: "ami-1"},
		{ID: "i-2", Name: "new", Image: "ami-2"},
		{ID: "i-3", Name: "withdrawn", Image: "ami-0"},
		{ID: "i-4", Name: "stranger", Image: "ami-1"}, // managed by nobody: another finding
		{ID: "i-5", Name: "node", Image: "ami-1", Cluster: "j-1"},
	}
	managed := map[string]bool{"i-1": true, "i-2": true, "i-3": true, "j-1": true}
	names := map[string]string{"ami-1": "infra-prod-1", "ami-2": "infra-prod-2"}
	for _, c := range []struct {
		name, pin, ignore string
		want              []drift.Finding
	}{
		{"an exact name is a pin", "infra-prod-2", "instance:nobody", []drift.Finding{
			{Kind: drift.OldImage, ID: "i-1", Name: "old", Detail: "made of infra-prod-1, new hosts of infra-prod-2"},
			{Kind: drift.OldImage, ID: "i-3", Name: "withdrawn", Detail: "made of ami-0, new hosts of infra-prod-2"},
		}},
		{"the newest of many is none", "infra-prod-*", "instance:nobody", []drift.Finding{
			{Kind: drift.OldImage, ID: "i-1", Name: "old", Detail: "made of infra-prod-1, new hosts of infra-prod-2", Noise: "products.pipeline.image pins none, a host keeps its own"},
			{Kind: drift.OldImage, ID: "i-3", Name: "withdrawn", Detail: "made of ami-0, new hosts of infra-prod-2", Noise: "products.pipeline.image pins none, a host keeps its own"},
		}},
		{"a known host", "infra-prod-2", "instance:old", []drift.Finding{
			{Kind: drift.OldImage, ID: "i-1", Name: "old", Detail: "made of infra-prod-1, new hosts of infra-prod-2", Noise: "drift.ignore has instance:old"},
			{Kind: drift.OldImage, ID: "i-3", Name: "withdrawn", Detail: "made of ami-0, new hosts of infra-prod-2"},
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ignore, err := drift.ParseIgnore([]string{c.ignore})
			if err != nil {
				t.Fatal(err)
			}
			got := drift.Images(all, managed, drift.Image{ID: "ami-2", Name: c.pin}, names, ignore)
			if len(got) != len(c.want) {
				t.Fatalf("found %+v", got)
			}
			for i := range got {
				if got[i].Detail != c.want[i].Detail || got[i].ID != c.want[i].ID || got[i].Noise != c.want[i].Noise || got[i].Kind != c.want[i].Kind || got[i].Name != c.want[i].Name {
					t.Errorf("found %+v, want %+v", got[i], c.want[i])
				}
			}
		})
	}
}
