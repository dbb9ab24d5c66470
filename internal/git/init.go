package git

import "context"

// Init makes a folder a repository whose first branch is main. One that is a
// repository already stays as it is.
func Init(ctx context.Context, dir string) error {
	_, err := program{dir: dir}.run(ctx, nil, "init", "--quiet", "--initial-branch=main")
	return err
}
