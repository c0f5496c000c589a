package main

import (
	"net/http"
	"testing"
)

func TestVersion(t *testing.T) {
	version = "v1.2.3"
	t.Cleanup(func() { version = "" })
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"version"}, "rollcall v1.2.3\n"},
		{[]string{"--version"}, "rollcall v1.2.3\n"},
		{[]string{"version", "-o", "json"}, "{\n  \"version\": \"v1.2.3\"\n}\n"},
	} {
		if code, out, errs := rollcall(t.Context(), t, http.NotFoundHandler(), c.args...); code != 0 || out != c.want {
			t.Errorf("rollcall %v: exit code %d, %q, %s", c.args, code, out, errs)
		}
	}
}
