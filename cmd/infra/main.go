// Command infra builds and runs a data platform on AWS.
package main

import (
	"os"

	"infra/internal/cli"
)

func main() { os.Exit(cli.Main()) }
