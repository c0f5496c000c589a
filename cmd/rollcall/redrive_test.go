package main

import (
	"fmt"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/delivery"
)

// What was lost is put back page by page, until a page is not full, or brings a message that was put back already.
func TestARedriveOfAllFollowsThePages(t *testing.T) {
	if redrivePage != delivery.MaxRedriven {
		t.Errorf("a page has %d messages, and the command takes it for %d", delivery.MaxRedriven, redrivePage)
	}
	page := func(first, many int) answer {
		var ms []string
		for i := range many {
			ms = append(ms, fmt.Sprintf(`{"message_id": "m%d", "state": "queued"}`, first+i))
		}
		return answer{200, `{"messages": [` + strings.Join(ms, ",") + `]}`}
	}
	for name, c := range map[string]struct {
		args    string
		answers []answer
		calls   int
		says    string
		code    int
	}{
		"none":              {"", []answer{page(0, 0)}, 1, "0 put back\n", 0},
		"less than a page":  {"", []answer{page(0, 3)}, 1, "3 put back\n", 0},
		"some pages":        {"", []answer{page(0, 100), page(100, 100), page(200, 7)}, 3, "207 put back\n", 0},
		"full pages":        {"", []answer{page(0, 100), page(100, 0)}, 2, "100 put back\n", 0},
		"some die again":    {"", []answer{page(0, 100), page(50, 100)}, 2, "150 put back\n", 0},
		"dry":               {" --dry-run", []answer{page(0, 3)}, 1, "3 would be put back\n", 0},
		"dry, a page":       {" --dry-run", []answer{page(0, 100)}, 1, "100 or more would be put back\n", 0},
		"it fails halfway":  {"", []answer{page(0, 100), {}}, 2, "100 put back\n", exitUnreachable},
		"it fails at first": {"", []answer{{}}, 1, "doesn't answer", exitUnreachable},
	} {
		p := &platform{answers: on("POST /workspaces/demo/redrive", c.answers...)}
		code, out, errs := rollcall(t.Context(), t, p, strings.Fields("redrive demo"+c.args)...)
		if code != c.code || len(p.calls) != c.calls || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d after %d calls\n%.200s%s", name, code, len(p.calls), out, errs)
		}
	}
}
