package main

import (
	"encoding/json"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
)

// envelope is the JSON that every command prints.
type envelope struct {
	SchemaVersion int             `json:"schema_version"`
	OK            bool            `json:"ok"`
	Data          json.RawMessage `json:"data"`
	Error         *struct {
		Code    string          `json:"code"`
		Message string          `json:"message"`
		Details json.RawMessage `json:"details"`
	} `json:"error"`
}

func decodeEnvelope(ts *testscript.TestScript, text string) envelope {
	var e envelope
	d := json.NewDecoder(strings.NewReader(text))
	if err := d.Decode(&e); err != nil {
		ts.Fatalf("stdout is no JSON object: %v", err)
	}
	if d.More() || e.SchemaVersion != 1 {
		ts.Fatalf("stdout is not one object of schema 1")
	}
	return e
}
