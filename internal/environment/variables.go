package environment

import (
	"encoding/json"
	"fmt"
)

// Inputs are the values that Terraform needs and no file holds.
type Inputs struct {
	SSHPublicKey string // of the EC2 key pair; empty means the first of ssh.public_keys
}

// TerraformVariables is the content of the product's .tfvars.json: exactly
// the variables that the product declares, every key present.
func (e *Environment) TerraformVariables(product string, in Inputs) (json.RawMessage, error) {
	s := e.Settings()
	variables := map[string]any{
		"environment": e.name,
		"account_id":  s.Account,
		"region":      s.Region,
		"tags":        s.Tags,
		"emulated":    s.Emulated,
		"role":        s.Role,
	}
	switch product {
	case "baseline":
		variables["baseline"] = s.Products.Baseline
		variables["state_bucket"] = s.State.Bucket
	case "pipeline":
		key := in.SSHPublicKey
		if key == "" && len(s.SSH.PublicKeys) > 0 {
			key = s.SSH.PublicKeys[0]
		}
		p := s.Products.Pipeline
		variables["state_bucket"] = s.State.Bucket
		variables["state_region"] = s.Region
		variables["ssh_public_key"] = key
		variables["ssh_user"] = s.SSH.User
		variables["image"] = p.Image
		variables["vpc"] = p.VPC
		variables["zookeeper"] = p.Zookeeper
		variables["postgresql"] = p.PostgreSQL
		variables["emr"] = p.EMR
	default:
		return nil, fmt.Errorf("no Terraform variables are known for product %q", product)
	}
	out, err := json.MarshalIndent(variables, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode Terraform variables of %s: %w", product, err)
	}
	return append(out, '\n'), nil
}
