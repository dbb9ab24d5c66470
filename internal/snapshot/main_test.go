package snapshot

import (
	"flag"
	"os"
	"testing"
)

// TestMain lets the property tests try thousands of cases unless told
// otherwise: they take a second or two.
func TestMain(m *testing.M) {
	flag.Parse()
	given := false
	flag.Visit(func(f *flag.Flag) { given = given || f.Name == "rapid.checks" })
	if !given {
		if err := flag.Set("rapid.checks", "3000"); err != nil {
			panic(err)
		}
	}
	os.Exit(m.Run())
}
