// Command vet is go vet for a system that need not be this one's, named by GOOS. It
// checks from source: go vet would first compile every package that ours import, the
// standard library among them, only to know their types.
package main

import (
	"golang.org/x/tools/go/analysis/multichecker"
	"golang.org/x/tools/go/analysis/suite/vet"
)

func main() { multichecker.Main(vet.Suite...) }
