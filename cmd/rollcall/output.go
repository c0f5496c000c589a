package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"

	"github.com/rollcall/rollcall/shared/visible"
)

// show prints v as JSON with --output json; else table prints it for people.
func (a *app) show(v any, table func(w io.Writer)) error {
	if a.output == "json" {
		var raw bytes.Buffer
		enc := json.NewEncoder(&raw)
		enc.SetIndent("", "  ")
		if err := enc.Encode(v); err != nil {
			return err
		}
		_, err := a.out.Write(visible.JSON(raw.Bytes()))
		return err
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
