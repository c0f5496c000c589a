package main

import (
	"bytes"
	"io"
	"strings"
	"testing"
)

func TestHelpNeedsNoPlatform(t *testing.T) {
	t.Setenv("ROLLCALL_URL", "")
	t.Chdir(t.TempDir())
	for args, want := range map[string]string{"help status": "rollcall status [ID]", "--help": "130  interrupted", "completion bash": "bash completion", "": "Usage:"} {
		var out, errs bytes.Buffer
		if code := run(t.Context(), strings.Fields(args), &out, &errs); code != 0 || !strings.Contains(out.String(), want) {
			t.Errorf("rollcall %s: exit %d, without %q: %s", args, code, want, errs.String())
		}
	}
	var errs bytes.Buffer
	if code := run(t.Context(), []string{"status"}, io.Discard, &errs); code != exitUnreachable || !strings.Contains(errs.String(), "no platform is known") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}
