package guard

// Action is what a plan does to one resource.
type Action string

// The actions of a plan, as Terraform's JSON events name them. An action not
// listed is treated like Delete.
const (
	Noop    Action = "noop"
	Read    Action = "read"
	Create  Action = "create"
	Update  Action = "update"
	Move    Action = "move"
	Import  Action = "import"
	Forget  Action = "forget" // leaves the state, stays in the account
	Delete  Action = "delete"
	Replace Action = "replace"
)

// Change is what a plan does to one resource.
type Change struct {
	Address string `json:"address"`          // in Terraform's form, module.postgresql.aws_instance.this["1"]
	Type    string `json:"type"`             // the resource type; taken from Address when empty
	Action  Action `json:"action"`           //
	Reason  string `json:"reason,omitempty"` // why it is replaced or deleted, as Terraform says it; may be empty
	Idle    bool   `json:"idle,omitempty"`   // it serves nobody: an EMR cluster that is not the active one
}
