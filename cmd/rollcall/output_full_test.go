package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// What a full disk cuts off is an error, in each format and for each command.
func TestAFullDiskIsAnError(t *testing.T) {
	full, err := os.OpenFile("/dev/full", os.O_WRONLY, 0)
	if err != nil {
		t.Skip("this system has no /dev/full: ", err)
	}
	defer full.Close()
	t.Setenv("ROLLCALL_URL", "http://127.0.0.1:1")
	for _, args := range []string{
		"version", "version -o json", "cost", "cost -o json", "--help", "--version", "completion bash", "context",
	} {
		var errs bytes.Buffer
		code := run(t.Context(), strings.Fields(args), nil, full, &errs)
		want := "rollcall: the output can't be written: no space left on device\n"
		if strings.Contains(args, "json") {
			want = `{"error":"the output can't be written: no space left on device",` +
				`"code":"not_done","hint":"","action":"stop"}` + "\n"
		}
		if code != exitRefused || errs.String() != want {
			t.Errorf("rollcall %s: exit %d, %q", args, code, errs.String())
		}
	}
}
