package hooks

import _ "embed"

// Server is the shim of a bare repository, pre-receive.
//
//go:embed pre-receive
var Server []byte
