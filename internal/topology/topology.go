// Package topology draws an environment: its network by zone and subnet, what
// stands in it, who follows whom, the ways in, and the alarms.
//
// Read makes the map of what the states know, Observe adds what servers were
// asked, and SVG, Mermaid and Dot draw it. What nobody was asked is never
// guessed: a role is then shown as the one that the host was made for, and
// Unknown says what that leaves open. Nothing here reads a file or the cloud.
package topology

// Schema is the kind and version of the document that `infra graph ENV
// --output json` prints. Readers must ignore members that they do not know.
const Schema = "infra/graph/v1"

// Map is an environment as it is drawn.
type Map struct {
	Schema      string     `json:"schema"`
	Environment string     `json:"environment"`
	Account     string     `json:"account"`
	Region      string     `json:"region"`
	Probed      bool       `json:"probed"` // servers were asked; false: all of it is the states'
	Network     Network    `json:"network"`
	Zones       []Zone     `json:"zones"`     // by name
	Links       []Link     `json:"links"`     // who follows whom
	Endpoints   []Endpoint `json:"endpoints"` // what clients and operators call
	Layers      []Layer    `json:"layers"`    // each with a sentence on how it is
	Alarms      []Alarm    `json:"alarms"`    // by layer and name
	AlertTopic  string     `json:"alert_topic"`
	Unknown     []string   `json:"unknown"` // what this map cannot know, in sentences
}

// Network is the VPC.
type Network struct {
	ID       string   `json:"id"`
	CIDR     string   `json:"cidr"`
	Domain   string   `json:"domain"`   // of the private DNS zone
	Gateway  string   `json:"gateway"`  // to the internet; empty when it has none
	Services []string `json:"services"` // of AWS, reached inside the network
}

// Zone is an availability zone.
type Zone struct {
	Name    string   `json:"name"`
	Subnets []Subnet `json:"subnets"` // public, private, database
}

// Subnet is one subnet of a zone.
type Subnet struct {
	ID      string  `json:"id"`
	Purpose string  `json:"purpose"` // public, private or database
	CIDR    string  `json:"cidr"`
	Things  []Thing `json:"things"`
}

// The kinds of things in a subnet.
const (
	KindHost     = "host"
	KindNAT      = "nat"
	KindCluster  = "cluster"
	KindDatabase = "database"
)

// Thing is what stands in a subnet.
type Thing struct {
	Kind    string   `json:"kind"`
	ID      string   `json:"id"`
	Name    string   `json:"name"`
	Layer   string   `json:"layer"`
	Made    string   `json:"made_as"` // the role that it was made for
	Now     string   `json:"now"`     // the role that it has; empty while nobody asked
	Detail  string   `json:"detail"`  // one line more: size, release, how far behind
	Private string   `json:"private_address"`
	Public  string   `json:"public_address"`
	Problem string   `json:"problem"` // why it is not as it should be; empty when it is, or nobody asked
	Alarms  int      `json:"alarms"`  // that watch it
	Firing  []string `json:"firing"`  // of them
}

// Link is an arrow from one that is followed to one that follows.
type Link struct {
	From  string `json:"from"` // names of things
	To    string `json:"to"`
	State string `json:"state"`
}

// The states of a link.
const (
	AsMade    = "as made"   // nobody was asked
	Streaming = "streaming" // it receives
	Broken    = "broken"    // it should and does not
)

// Endpoint is an address that somebody calls.
type Endpoint struct {
	Name    string `json:"name"` // postgresql, zookeeper, emr, bastion
	Address string `json:"address"`
	Target  string `json:"target"` // the thing that it leads to; empty while nobody asked
}

// Layer is a part of the platform in a sentence.
type Layer struct {
	Name string `json:"name"`
	Says string `json:"says"`
	Bad  bool   `json:"bad"`
}

// Alarm is one alarm of CloudWatch.
type Alarm struct {
	Name  string `json:"name"`
	Layer string `json:"layer"`
	Thing string `json:"thing"` // that it watches; empty when it watches a layer
	State string `json:"state"` // OK, ALARM or INSUFFICIENT_DATA; empty while nobody asked
}

// Things are all things of the map, by zone and subnet.
func (m *Map) Things() []Thing {
	var all []Thing
	m.each(func(t *Thing) { all = append(all, *t) })
	return all
}

// each visits every thing where it stands.
func (m *Map) each(visit func(*Thing)) {
	for z := range m.Zones {
		for s := range m.Zones[z].Subnets {
			for t := range m.Zones[z].Subnets[s].Things {
				visit(&m.Zones[z].Subnets[s].Things[t])
			}
		}
	}
}

// firing are the alarms that are in alarm.
func (m *Map) firing() []Alarm {
	var found []Alarm
	for _, a := range m.Alarms {
		if a.State == "ALARM" {
			found = append(found, a)
		}
	}
	return found
}
