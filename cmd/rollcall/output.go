package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/rollcall/rollcall/shared/visible"
)

// show prints v as JSON with --output json, of a command that shows several in one line each; else forPeople prints
// it for people.
func (a *app) show(v any, forPeople func(*printer)) error {
	if a.output == "json" && a.lines {
		return a.writeJSON(v, "")
	}
	if a.output == "json" {
		return a.writeJSON(v, "  ")
	}
	forPeople(a.printer())
	return a.out.failed
}

// showLine is show for a stream: as JSON, each value is one line.
func (a *app) showLine(v any, forPeople func(*printer)) error {
	if a.output == "json" {
		return a.writeJSON(v, "")
	}
	forPeople(a.printer())
	return a.out.failed
}

func (a *app) writeJSON(v any, indent string) error {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetIndent("", indent)
	if err := enc.Encode(v); err != nil {
		return err
	}
	_, err := a.out.Write(visible.JSON(raw.Bytes()))
	return err
}

// printf prints for people: nothing with --output json.
func (a *app) printf(format string, args ...any) {
	if a.output == "table" {
		fmt.Fprintf(a.out, format, args...)
	}
}

// hanging prints a text for people, as printer.hanging does: nothing with --output json.
func (a *app) hanging(head, text string) {
	if a.output == "table" {
		a.printer().hanging(head, text)
	}
}

// output is where a command prints. It remembers the first write that failed, so that no command
// has to look at each of its writes, and none ends well whose output is cut off.
type output struct {
	to     io.Writer
	failed error
}

var _ io.Writer = (*output)(nil)

// Write implements io.Writer. After a write that failed it writes nothing more.
func (o *output) Write(p []byte) (int, error) {
	if o.failed != nil {
		return 0, o.failed
	}
	n, err := o.to.Write(p)
	if err != nil {
		o.failed = &outcome{exitRefused, "the output can't be written: " + rootWords(err)}
		return n, o.failed
	}
	return n, nil
}

// rootWords are the words of what an error wraps in the end. A stranger may have written some of them, such as the
// names in a certificate.
func rootWords(err error) string { return visible.Text(rootOf(err).Error()) }

// rootOf is what an error wraps in the end.
func rootOf(err error) error {
	for next := errors.Unwrap(err); next != nil; next = errors.Unwrap(err) {
		err = next
	}
	return err
}
