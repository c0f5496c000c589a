package main

import (
	"encoding/json"
	"fmt"
	"io"
)

// show prints v as JSON with --output json; else table prints it for people.
func (a *app) show(v any, table func(w io.Writer)) error {
	if a.output == "json" {
		enc := json.NewEncoder(a.out)
		enc.SetIndent("", "  ")
		return enc.Encode(v)
	}
	table(a.out)
	return nil
}

// printf prints for people: nothing with --output json.
func (a *app) printf(format string, args ...any) {
	if a.output == "table" {
		fmt.Fprintf(a.out, format, args...)
	}
}
