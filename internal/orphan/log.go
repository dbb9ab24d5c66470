package orphan

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// Creation is something that a Terraform has begun to create, by its own log.
type Creation struct {
	Product string // whose Terraform it is
	Address string
	Type    string
	ID      string // empty: the log does not say that it was done
	Failed  bool   // the provider says that it was not done; what was on its way may be there all the same
}

// lineLimit bounds a line of an event log.
const lineLimit = 8 << 20

// ReadLog reads what the Terraform of a product was creating from its event log
// (`terraform apply -json`). A last line that was cut
// off is left out.
func ReadLog(product, path string) (creations []Creation, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	creations, err = readLog(product, file)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return creations, nil
}

func readLog(product string, r io.Reader) ([]Creation, error) {
	var creations []Creation
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, lineLimit)
	for lines.Scan() {
		var e struct {
			Type string `json:"type"`
			Hook struct {
				Resource struct {
					Address string `json:"addr"`
					Type    string `json:"resource_type"`
				} `json:"resource"`
				Action string `json:"action"`
				ID     string `json:"id_value"`
			} `json:"hook"`
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil || e.Hook.Resource.Address == "" {
			continue
		}
		at := slices.IndexFunc(creations, func(c Creation) bool { return c.Address == e.Hook.Resource.Address })
		switch {
		case e.Hook.Action != "create":
		case e.Type == "apply_start" && at < 0:
			creations = append(creations, Creation{Product: product, Address: e.Hook.Resource.Address, Type: e.Hook.Resource.Type})
		case e.Type == "apply_complete" && at >= 0:
			creations[at].ID = e.Hook.ID
		case e.Type == "apply_errored" && at >= 0:
			creations[at].Failed = true
		}
	}
	return creations, lines.Err()
}
