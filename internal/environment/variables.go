package environment

import (
	"encoding/json"
	"fmt"
)

// Inputs are the values that Terraform needs and no file holds.
type Inputs struct {
	SSHPublicKey string  // of the EC2 key pair; empty means the first of ssh.public_keys
	Colours      Colours // of EMR's clusters; the zero value means a first one
}

// Colours are the EMR clusters that there are meant to be, and the one of them
// that jobs are sent to. infra keeps them beside the states: they change in the
// course of a replacement, and no file of a checkout could follow.
type Colours struct {
	Active   string   `json:"active"`
	Clusters []string `json:"clusters"`
}

// FirstColour is that of an environment's first cluster.
const FirstColour = "blue"

// emrVariables are the settings and the colours, and not what only infra
// itself heeds.
func emrVariables(settings EMR, colours Colours) any {
	if colours.Active == "" {
		colours = Colours{Active: FirstColour, Clusters: []string{FirstColour}}
	}
	return struct {
		EMR
		Colours
		AllowUnsupported *bool `json:"allow_unsupported,omitempty"` // takes the place of the setting's, and is nil
	}{EMR: settings, Colours: colours}
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
		variables["recovery"], _ = e.recoveryVariables()
		variables["notify_topic_arn"] = s.Notify.SNS
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
		variables["emr"] = emrVariables(p.EMR, in.Colours)
		variables["recovery"], variables["rebuilt_from"] = e.recoveryVariables()
	default:
		return nil, fmt.Errorf("no Terraform variables are known for product %q", product)
	}
	out, err := json.MarshalIndent(variables, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("encode Terraform variables of %s: %w", product, err)
	}
	return append(out, '\n'), nil
}

// recoveryVariables are the bucket of the second copy, and that of the
// environment that this one came from; null where there is none.
func (e *Environment) recoveryVariables() (recovery, rebuiltFrom map[string]string) {
	if region := e.RecoveryRegion(); region != "" {
		recovery = map[string]string{"region": region, "bucket": e.RecoveryBucket()}
	}
	if from := e.settings.RebuiltFrom; from != "" {
		rebuiltFrom = map[string]string{"bucket": e.recoveryBucket(from)}
	}
	return recovery, rebuiltFrom
}
