package main

import (
	"bytes"
	"encoding/base64"

	"github.com/rollcall/rollcall/shared/fault"
)

// A cursor is where the page before ended, in a form that no client takes apart.

// readCursor is where to go on, "" at the beginning. Error: invalid_request.
func readCursor(cursor string) (string, error) {
	raw, err := base64.RawURLEncoding.DecodeString(cursor)
	if err != nil || bytes.ContainsFunc(raw, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", badCursor()
	}
	return string(raw), nil
}

// nextCursor is the cursor of the next page, nil when there is none.
func nextCursor(end string) *string {
	if end == "" {
		return nil
	}
	cursor := base64.RawURLEncoding.EncodeToString([]byte(end))
	return &cursor
}

func badCursor() error {
	return fault.New(fault.InvalidRequest, "cursor is not one that this call gave")
}
