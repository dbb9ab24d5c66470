package state

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
)

// State is what infra reads of a Terraform state (format version 4).
type State struct {
	Lineage   string
	Serial    uint64
	VersionID string // of the S3 object; empty when it did not come from S3
	ETag      string // of the S3 object, as it was sent
	SHA256    string // of Raw, in hex
	Outputs   map[string]Output
	Resources int    // instances of managed resources
	Raw       []byte // the state as it is stored; secrets are in clear in it
}

// Output is one output of a root module.
type Output struct {
	Value     json.RawMessage `json:"value"`
	Sensitive bool            `json:"sensitive"`
}

// Parse reads a state: one JSON object of format version 4. What is none is
// ErrEmpty or ErrCorrupt. Check says in detail what is wrong with a state.
func Parse(raw []byte) (*State, error) {
	var document struct {
		Version   int               `json:"version"`
		Serial    uint64            `json:"serial"`
		Lineage   string            `json:"lineage"`
		Outputs   map[string]Output `json:"outputs"`
		Resources []struct {
			Mode      string            `json:"mode"`
			Instances []json.RawMessage `json:"instances"`
		} `json:"resources"`
	}
	if len(raw) == 0 {
		return nil, ErrEmpty
	}
	if err := json.Unmarshal(raw, &document); err != nil {
		return nil, fmt.Errorf("%w, not valid JSON: %w", ErrCorrupt, located(raw, err))
	}
	if document.Version != formatVersion {
		return nil, fmt.Errorf("%w, it has format version %d, infra reads version %d", ErrCorrupt, document.Version, formatVersion)
	}
	s := &State{Lineage: document.Lineage, Serial: document.Serial, Outputs: document.Outputs, SHA256: digest(raw), Raw: raw}
	for _, r := range document.Resources {
		if r.Mode == managed {
			s.Resources += len(r.Instances)
		}
	}
	return s, nil
}

// formatVersion is the format of states since Terraform 0.12.
const formatVersion = 4

// managed and data are the modes of resources in a state.
const (
	managed = "managed"
	data    = "data"
)

func digest(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:])
}

// Decode puts an output's value into v; false when there is no such output.
func (s *State) Decode(name string, v any) (bool, error) {
	o, ok := s.Outputs[name]
	if !ok {
		return false, nil
	}
	if err := json.Unmarshal(o.Value, v); err != nil {
		return true, fmt.Errorf("decode the output %s: %w", name, err)
	}
	return true, nil
}

// Values are the values of the outputs that are no secret.
func (s *State) Values() map[string]json.RawMessage {
	values := map[string]json.RawMessage{}
	for name, o := range s.Outputs {
		if !o.Sensitive {
			values[name] = o.Value
		}
	}
	return values
}

// Terraform is the version of the Terraform that has written the state; empty
// when it does not say.
func (s *State) Terraform() string {
	var document struct {
		Version string `json:"terraform_version"`
	}
	if json.Unmarshal(s.Raw, &document) != nil {
		return ""
	}
	return document.Version
}
