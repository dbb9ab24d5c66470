package orphan

import (
	"bufio"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
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
			Diagnostic struct {
				Address string `json:"address"`
				Summary string `json:"summary"`
				Detail  string `json:"detail"`
			} `json:"diagnostic"`
		}
		if json.Unmarshal(lines.Bytes(), &e) != nil {
			continue
		}
		address := cmp.Or(e.Hook.Resource.Address, e.Diagnostic.Address)
		at := slices.IndexFunc(creations, func(c Creation) bool { return c.Address == address })
		switch {
		case address == "":
		case at >= 0 && LostProvider(e.Diagnostic.Summary, e.Diagnostic.Detail):
			creations[at].Failed = false // nobody was left who could say so
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

// LostProvider tells whether an error of Terraform's says that its provider has
// died while it was changing something: whether that was done, nobody knows.
// Source: Terraform's internal/plugin/grpc_error.go, which names the call in
// the details.
func LostProvider(summary, detail string) bool {
	return slices.Contains([]string{"Plugin did not respond", "Request cancelled", "Plugin error"}, summary) && strings.Contains(detail, ".ApplyResourceChange ")
}
