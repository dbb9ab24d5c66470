package topology

import "fmt"

// Observed is what servers and services said of themselves.
type Observed struct {
	Nodes     map[string]Node   // by the name of a thing
	Links     []Link            // who follows whom
	Endpoints map[string]string // the thing that an endpoint leads to, by its name
	Layers    []Layer
	Alarms    map[string]string // state by name; nil when CloudWatch did not answer
}

// Node is one thing that was asked.
type Node struct {
	Role    string // empty when it did not answer
	Detail  string
	Problem string
}

// Observe puts what was asked in the place of what the states had to assume.
func (m *Map) Observe(o Observed) {
	m.Probed, m.Layers, m.Unknown, m.Links = true, o.Layers, []string{}, o.Links
	for i := range m.Endpoints {
		if m.Endpoints[i].Name == "postgresql" {
			m.Endpoints[i].Target = ""
		}
		if target, ok := o.Endpoints[m.Endpoints[i].Name]; ok {
			m.Endpoints[i].Target = target
		}
	}
	firing := map[string][]string{}
	for i := range m.Alarms {
		a := &m.Alarms[i]
		if a.State = o.Alarms[a.Name]; a.State == "ALARM" {
			firing[a.Thing] = append(firing[a.Thing], a.Name)
		}
	}
	m.each(func(t *Thing) {
		if names := firing[t.Name]; len(names) > 0 {
			t.Firing = names
		}
		node, asked := o.Nodes[t.Name]
		if !asked {
			return
		}
		t.Now, t.Problem = node.Role, node.Problem
		if node.Detail != "" {
			t.Detail = node.Detail
		}
		if node.Role == "" {
			m.Unknown = append(m.Unknown, fmt.Sprintf("The role of %s, which did not answer; it was made as %s.", t.Name, t.Made))
		}
	})
	if o.Alarms == nil && len(m.Alarms) > 0 {
		m.Unknown = append(m.Unknown, "Which alarms fire: CloudWatch did not answer.")
	}
}

// role is what a thing is shown as, and whether that was asked.
func (t Thing) role() (text string, asked bool) {
	switch {
	case t.Now != "":
		return t.Now, true
	case t.Problem != "":
		return "no answer", false
	case t.Layer == "vpc":
		return "", false
	case t.Made == "primary" || t.Made == "standby":
		return t.Made + ", as made", false
	default:
		return t.Made, false
	}
}

// Role is what a thing is shown as.
func (t Thing) Role() string {
	text, _ := t.role()
	return text
}

// heads tells whether a role is the one that the others follow.
func heads(role string) bool { return role == "leader" || role == "primary" || role == "active" }

// note is the line about a thing that matters most: what is wrong, what fires,
// or what there is to say.
func (t Thing) note() (text string, bad bool) {
	switch {
	case t.Problem != "":
		return t.Problem, true
	case len(t.Firing) == 1:
		return "1 alarm fires", true
	case len(t.Firing) > 1:
		return fmt.Sprintf("%d alarms fire", len(t.Firing)), true
	default:
		return t.Detail, false
	}
}

// address is a thing's private address, and its public one behind it.
func (t Thing) address() string {
	if t.Private != "" && t.Public != "" {
		return t.Private + ", " + t.Public
	}
	return t.Private + t.Public
}
