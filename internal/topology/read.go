package topology

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"infra/internal/inventory"
)

// Facts are what the states of an environment know.
type Facts struct {
	Environment string
	Account     string
	Region      string
	Hosts       []inventory.Host
	Resources   []Resource // of all states
	Outputs     map[string]json.RawMessage
}

// Resource is one instance of a resource in a state.
type Resource struct {
	Address    string
	Type       string
	Attributes json.RawMessage
}

// attributes are those that the map reads, of whatever type of resource.
type attributes struct {
	ID           string            `json:"id"`
	CIDR         string            `json:"cidr_block"`
	Zone         string            `json:"availability_zone"`
	Subnet       string            `json:"subnet_id"`
	Tags         map[string]string `json:"tags"`
	InstanceType string            `json:"instance_type"`
	PublicIP     string            `json:"public_ip"`
	Service      string            `json:"service_name"`

	Alarm      string            `json:"alarm_name"`
	Dimensions map[string]string `json:"dimensions"`
	Queries    []struct {
		Metrics []struct {
			Dimensions map[string]string `json:"dimensions"`
		} `json:"metric"`
	} `json:"metric_query"`

	Release string `json:"release_label"`
	Place   []struct {
		Subnet string `json:"subnet_id"`
	} `json:"ec2_attributes"`
	Core []struct {
		Count int    `json:"instance_count"`
		Type  string `json:"instance_type"`
	} `json:"core_instance_group"`

	Identifier string `json:"identifier"`
	Class      string `json:"instance_class"`
	MultiAZ    bool   `json:"multi_az"`
	Group      string `json:"db_subnet_group_name"`

	ARN string `json:"arn"`
}

// outputs are the parts of the products' outputs that say what clients call.
type outputs struct {
	vpc struct {
		Domain  string `json:"zone_name"`
		Bastion string `json:"bastion_address"`
	}
	zookeeper struct {
		Connect string `json:"connect"`
	}
	postgresql struct {
		Engine  string `json:"engine"`
		Address string `json:"endpoint_address"`
	}
	emr struct {
		Active   string `json:"active"`
		Pointer  string `json:"pointer_name"`
		Clusters map[string]struct {
			ID string `json:"id"`
		} `json:"clusters"`
	}
}

// reader builds a map from facts.
type reader struct {
	facts   Facts
	outputs outputs
	known   map[string]attributes // by address
	things  map[string]string     // name by the id that alarms know it by
	m       *Map
}

// Read makes the map of what the states know.
func Read(facts Facts) (*Map, error) {
	r := reader{facts: facts, known: map[string]attributes{}, things: map[string]string{}, m: &Map{
		Schema: Schema, Environment: facts.Environment, Account: facts.Account, Region: facts.Region,
		Zones: []Zone{}, Links: []Link{}, Endpoints: []Endpoint{}, Layers: []Layer{}, Alarms: []Alarm{},
		Network: Network{Services: []string{}},
	}}
	for name, into := range map[string]any{"vpc": &r.outputs.vpc, "zookeeper": &r.outputs.zookeeper, "postgresql": &r.outputs.postgresql, "emr": &r.outputs.emr} {
		if raw, ok := facts.Outputs[name]; ok {
			if err := json.Unmarshal(raw, into); err != nil {
				return nil, fmt.Errorf("read the output %s of the state: %w", name, err)
			}
		}
	}
	for _, resource := range facts.Resources {
		if !drawn(resource.Type) {
			continue
		}
		var a attributes
		if err := json.Unmarshal(resource.Attributes, &a); err != nil {
			return nil, fmt.Errorf("read %s of the state: %w", resource.Address, err)
		}
		r.known[resource.Address] = a
	}
	r.network()
	r.subnets()
	r.hosts()
	r.services()
	r.alarms()
	r.endpoints()
	r.recorded()
	return r.m, nil
}

// drawn tells whether resources of a type are in the picture.
func drawn(kind string) bool {
	return slices.Contains([]string{
		"aws_vpc", "aws_subnet", "aws_internet_gateway", "aws_vpc_endpoint", "aws_instance", "aws_nat_gateway",
		"aws_emr_cluster", "aws_db_instance", "aws_cloudwatch_metric_alarm", "aws_sns_topic",
	}, kind)
}

// of are the resources of a type in the order of their addresses.
func (r *reader) of(kind string, visit func(address string, a attributes)) {
	var addresses []string
	for _, resource := range r.facts.Resources {
		if resource.Type == kind {
			addresses = append(addresses, resource.Address)
		}
	}
	slices.Sort(addresses)
	for _, address := range addresses {
		visit(address, r.known[address])
	}
}

func (r *reader) network() {
	n := &r.m.Network
	n.Domain = r.outputs.vpc.Domain
	r.of("aws_vpc", func(_ string, a attributes) { n.ID, n.CIDR = a.ID, a.CIDR })
	r.of("aws_internet_gateway", func(_ string, a attributes) { n.Gateway = a.ID })
	r.of("aws_vpc_endpoint", func(_ string, a attributes) {
		n.Services = append(n.Services, a.Service[strings.LastIndex(a.Service, ".")+1:])
	})
	slices.Sort(n.Services)
	r.of("aws_sns_topic", func(_ string, a attributes) { r.m.AlertTopic = a.ARN })
}

// purposes are the subnets of a zone from the outside in.
func purposes() []string { return []string{"public", "private", "database"} }

// purposeOf is what a subnet is for: the name of its resource.
func purposeOf(address string) string {
	_, name, _ := strings.Cut(address, "aws_subnet.")
	name, _, _ = strings.Cut(name, "[")
	return name
}

func (r *reader) subnets() {
	zones := map[string][]Subnet{}
	r.of("aws_subnet", func(address string, a attributes) {
		zones[a.Zone] = append(zones[a.Zone], Subnet{ID: a.ID, Purpose: purposeOf(address), CIDR: a.CIDR, Things: []Thing{}})
	})
	for name, subnets := range zones {
		slices.SortStableFunc(subnets, func(a, b Subnet) int {
			return cmp.Compare(slices.Index(purposes(), a.Purpose), slices.Index(purposes(), b.Purpose))
		})
		r.m.Zones = append(r.m.Zones, Zone{Name: name, Subnets: subnets})
	}
	slices.SortFunc(r.m.Zones, func(a, b Zone) int { return cmp.Compare(a.Name, b.Name) })
}

// put stands a thing in its subnet, or in that of a purpose in its zone. What
// names neither is drawn all the same, in a subnet that nobody knows.
func (r *reader) put(t Thing, subnet, zone, purpose string) {
	t.Firing = []string{}
	r.things[t.ID] = t.Name
	for z := range r.m.Zones {
		for s := range r.m.Zones[z].Subnets {
			if at := &r.m.Zones[z].Subnets[s]; subnet != "" && at.ID == subnet || subnet == "" && r.m.Zones[z].Name == zone && at.Purpose == purpose {
				at.Things = append(at.Things, t)
				return
			}
		}
	}
	at := r.zone(cmp.Or(zone, "no known zone"))
	const unknown = "unknown"
	n := slices.IndexFunc(at.Subnets, func(s Subnet) bool { return s.Purpose == unknown })
	if n < 0 {
		n = len(at.Subnets)
		at.Subnets = append(at.Subnets, Subnet{Purpose: unknown, Things: []Thing{}})
	}
	at.Subnets[n].Things = append(at.Subnets[n].Things, t)
}

// zone is the zone of a name, which is made when there is none.
func (r *reader) zone(name string) *Zone {
	for z := range r.m.Zones {
		if r.m.Zones[z].Name == name {
			return &r.m.Zones[z]
		}
	}
	r.m.Zones = append(r.m.Zones, Zone{Name: name, Subnets: []Subnet{}})
	return &r.m.Zones[len(r.m.Zones)-1]
}

// hosts are those of the inventory, where their instances stand.
func (r *reader) hosts() {
	places := map[string]attributes{}
	r.of("aws_instance", func(_ string, a attributes) { places[a.ID] = a })
	for _, h := range r.facts.Hosts {
		at := places[h.ID]
		r.put(Thing{
			Kind: KindHost, ID: h.ID, Name: h.Name, Layer: h.Layer, Made: h.Role, Detail: at.InstanceType,
			Private: h.PrivateAddress, Public: h.PublicAddress,
		}, at.Subnet, h.Zone, "private")
	}
}

// services are the things that AWS runs: NAT, clusters, managed databases.
func (r *reader) services() {
	r.of("aws_nat_gateway", func(address string, a attributes) {
		name := "nat"
		if _, key, keyed := strings.Cut(address, `["`); keyed {
			name += "-" + strings.TrimSuffix(key, `"]`)
		}
		r.put(Thing{Kind: KindNAT, ID: a.ID, Name: name, Layer: "vpc", Detail: a.ID, Public: a.PublicIP}, a.Subnet, "", "")
	})
	r.of("aws_emr_cluster", func(_ string, a attributes) {
		t := Thing{Kind: KindCluster, ID: a.ID, Layer: "emr", Name: "emr-" + a.Tags["colour"], Made: "idle", Detail: a.Release}
		if a.Tags["colour"] == r.outputs.emr.Active {
			t.Made = "active"
		}
		for _, core := range a.Core {
			t.Detail += fmt.Sprintf(", 1 + %d nodes", core.Count)
		}
		for _, place := range a.Place {
			r.put(t, place.Subnet, "", "")
		}
	})
	r.of("aws_db_instance", func(_ string, a attributes) {
		t := Thing{Kind: KindDatabase, ID: a.Identifier, Name: a.Identifier, Layer: "postgresql", Made: "managed", Detail: a.Class}
		if a.MultiAZ {
			t.Detail += ", standby in another zone"
		}
		r.put(t, "", a.Zone, "database")
	})
}
