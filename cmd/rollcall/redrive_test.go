package main

import (
	"fmt"
	"strings"
	"testing"
)

// What was lost is put back page by page, until none is left, or a page brings a message that was put back already.
func TestARedriveOfAllFollowsThePages(t *testing.T) {
	page := func(first, many, left int) answer {
		var ms []string
		for i := range many {
			ms = append(ms, fmt.Sprintf(`{"message_id": "m%d", "state": "queued"}`, first+i))
		}
		return answer{200, `{"messages": [` + strings.Join(ms, ",") + `], "left": ` + fmt.Sprint(left) + `}`}
	}
	for name, c := range map[string]struct {
		args    string
		answers []answer
		calls   int
		says    string
		code    int
	}{
		"none":              {"", []answer{page(0, 0, 0)}, 2, "0 put back\n", 0},
		"one page":          {"", []answer{page(0, 3, 0)}, 1, "3 put back\n", 0},
		"some pages":        {"", []answer{page(0, 9, 16), page(9, 9, 7), page(18, 7, 0)}, 3, "25 put back\n", 0},
		"a page is full":    {"", []answer{page(0, 100, 0)}, 1, "100 put back\n", 0},
		"some die again":    {"", []answer{page(0, 9, 9), page(5, 9, 9)}, 2, "14 put back\n", 0},
		"dry":               {" --dry-run", []answer{page(0, 3, 0)}, 1, "3 would be put back\n", 0},
		"dry, a page":       {" --dry-run", []answer{page(0, 9, 5)}, 1, "14 would be put back; the oldest 9 are:\n", 0},
		"it fails halfway":  {"", []answer{page(0, 9, 5), {}}, 2, "9 put back\n", exitUnreachable},
		"it fails at first": {"", []answer{{}}, 1, "doesn't answer", exitUnreachable},
	} {
		p := &platform{answers: on("POST /workspaces/demo/redrive", c.answers...)}
		code, out, errs := rollcall(t.Context(), t, p, strings.Fields("redrive demo"+c.args)...)
		if code != c.code || len(p.calls) != c.calls || !strings.Contains(out+errs, c.says) {
			t.Errorf("%s: exit %d after %d calls\n%.200s%s", name, code, len(p.calls), out, errs)
		}
	}
}

// A redrive that puts nothing back, where receipts show what died, says why and what puts it back.
func TestARedriveOfNothingSaysWhy(t *testing.T) {
	p := &platform{answers: on("POST /workspaces/demo/redrive", answer{200, `{"messages": [], "left": 0}`})}
	p.answers["GET /workspaces/demo/messages"] = []answer{
		{200, `{"messages": [{"message_id": "bad", "state": "dead"}], "next": null}`},
	}
	code, out, errs := rollcall(t.Context(), t, p, "redrive", "demo")
	for _, want := range []string{"0 put back", "sender's doing", "bad (dead)", "rollcall redrive demo bad"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("exit %d, no %q in\n%s%s", code, want, out, errs)
		}
	}
}
