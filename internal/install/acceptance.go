package install

// Check is one question of the acceptance, and its answer.
type Check struct {
	Check  string `json:"check"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail"`
	Mend   string `json:"mend,omitempty"` // what to do when it is not
}

// Failed are the checks that were not passed.
func Failed(all []Check) []Check {
	var failed []Check
	for _, c := range all {
		if !c.OK {
			failed = append(failed, c)
		}
	}
	return failed
}
