package sandbox

import (
	"context"
	"fmt"
	"os"
	"testing"
)

// TestMain lets the test binary be the daemon that Up starts: it then finds
// its settings in the environment file of the test.
func TestMain(m *testing.M) {
	if len(os.Args) > 3 && os.Args[1] == "sandbox" && os.Args[2] == "serve" {
		config, err := testConfig(os.Args[4])
		if err == nil {
			err = Serve(context.Background(), config)
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}
