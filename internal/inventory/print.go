package inventory

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Schema is the kind and version of the document that `infra hosts --output
// json` prints.
const Schema = "infra/hosts/v1"

// document is the shape of Schema. public_address is the empty string for a
// host that has none; volumes is never null.
type document struct {
	Schema      string `json:"schema"`
	Environment string `json:"environment"`
	Region      string `json:"region"`
	Hosts       []Host `json:"hosts"`
}

// JSON is the list of hosts as an infra/hosts/v1 document.
func (inv *Inventory) JSON() []byte {
	doc := document{Schema: Schema, Environment: inv.common.Environment, Region: inv.common.Region, Hosts: []Host{}}
	for _, h := range inv.hosts {
		if h.Volumes == nil {
			h.Volumes = map[string]string{}
		}
		doc.Hosts = append(doc.Hosts, h)
	}
	return indented(doc)
}

// Text writes the hosts as an aligned table for people.
func (inv *Inventory) Text(w io.Writer) error {
	if len(inv.hosts) == 0 {
		_, err := fmt.Fprintf(w, "environment %s has no hosts\n", inv.common.Environment)
		return err
	}
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	if _, err := fmt.Fprintln(table, "NAME\tROLE\tZONE\tPRIVATE\tPUBLIC\tINSTANCE"); err != nil {
		return err
	}
	for _, h := range inv.hosts {
		public := h.PublicAddress
		if public == "" {
			public = "-"
		}
		if _, err := fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\n", h.Name, h.Role, h.Zone, h.PrivateAddress, public, h.ID); err != nil {
			return err
		}
	}
	return table.Flush()
}
