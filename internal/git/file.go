package git

import (
	"context"
	"fmt"
	"regexp"
)

var hexadecimal = regexp.MustCompile(`^[0-9a-f]{7,64}$`)

// File is a file as a commit has it; path is from the folder dir. The commit
// may not be here at all: then it is an error.
func File(ctx context.Context, dir, commit, path string) ([]byte, error) {
	if !hexadecimal.MatchString(commit) { // it comes from the ledger and must not be an option
		return nil, fmt.Errorf("%q is not a commit", commit)
	}
	out, err := program{dir: dir}.run(ctx, nil, "show", "--end-of-options", commit+":./"+path)
	if err != nil {
		return nil, err
	}
	return []byte(out), nil
}
