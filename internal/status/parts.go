package status

// Part is a layer of the platform with its verdict.
type Part struct {
	Name     string
	State    string
	Problems []string
}

// Parts are the layers of the report, without what they are made of.
func (r *Report) Parts() []Part {
	var parts []Part
	if b := r.Bastion; b != nil {
		part := Part{Name: "bastion", State: b.State}
		if b.Error != "" {
			part.Problems = []string{b.Error}
		}
		parts = append(parts, part)
	}
	if z := r.Zookeeper; z != nil {
		parts = append(parts, Part{"zookeeper", z.State, z.Problems})
	}
	if p := r.PostgreSQL; p != nil {
		parts = append(parts, Part{"postgresql", p.State, p.Problems})
	}
	if e := r.EMR; e != nil {
		parts = append(parts, Part{"emr", e.State, e.Problems})
	}
	return parts
}
