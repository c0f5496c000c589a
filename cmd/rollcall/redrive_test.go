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
		"none":             {"", []answer{page(0, 0, 0)}, 2, "0 put back\n", 0},
		"one page":         {"", []answer{page(0, 3, 0)}, 1, "3 put back\n", 0},
		"some pages":       {"", []answer{page(0, 9, 16), page(9, 9, 7), page(18, 7, 0)}, 3, "25 put back\n", 0},
		"a page is full":   {"", []answer{page(0, 100, 0)}, 1, "100 put back\n", 0},
		"some die again":   {"", []answer{page(0, 9, 9), page(5, 9, 9)}, 2, "14 put back\n", 0},
		"dry":              {" --dry-run", []answer{page(0, 3, 0)}, 1, "3 would be put back\n", 0},
		"dry, a page":      {" --dry-run", []answer{page(0, 9, 5)}, 1, "14 would be put back; the oldest 9 are:\n", 0},
		"it fails halfway": {"", []answer{page(0, 9, 5), {}}, 2, "9 put back\n", exitUnreachable},
		"it fails halfway, and says of what": {
			"",
			[]answer{page(0, 9, 5), {}},
			2, "rollcall: 9 messages put back, and 5 left, as the call for these failed: ",
			exitUnreachable,
		},
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

// A message that was redriven keeps how it ended before: its receipt says so, and the log has it in its place.
func TestARedrivenMessageKeepsHowItEndedBefore(t *testing.T) {
	const redriven = `{"message_id": "m1", "state": "queued", "reason": "redriven by an operator", "tries": 0,
		"former": {"state": "dead", "reason": "the agent answered HTTP 500", "settled_at": "2026-01-31T12:00:04Z",
		"tries": 6, "redriven_at": "2026-01-31T12:00:07Z", "redrives": 2}}`
	for _, c := range []commandTest{
		{
			args: "receipts demo m1 --time utc", answers: on(receiptDemo, answer{200, redriven}),
			out: "before    2026-01-31T12:00:04Z  dead after 6 tries: the agent answered HTTP 500\n" +
				"redriven  2026-01-31T12:00:07Z  by an operator; 2 times in all\n",
		},
		{
			args: "log demo --time utc", answers: logged("[]", `{"messages": [`+redriven+`]}`, "{}"),
			out: "2026-01-31T12:00:04Z  end      dead after 6 tries: the agent answered HTTP 500  (m1)\n" +
				"2026-01-31T12:00:07Z  act      redriven by an operator; 2 times in all  (m1)\n",
		},
	} {
		c.run(t)
	}
}

// The messages that were lost are those that died and those that expired, the newest first.
func TestTheReceiptsOfWhatWasLost(t *testing.T) {
	p := &platform{answers: on("GET /workspaces/demo/messages",
		answer{200, `{"messages": [{"message_id": "m4", "seq": 4, "state": "dead"},
			{"message_id": "m1", "seq": 1, "state": "dead"}]}`},
		answer{200, `{"messages": [{"message_id": "m3", "seq": 3, "state": "expired"}]}`},
	)}
	code, out, errs := rollcall(t.Context(), t, p, "receipts", "demo", "--lost", "--limit", "2")
	m4, m3, m1 := strings.Index(out, "m4"), strings.Index(out, "m3"), strings.Index(out, "m1")
	if code != 0 || m4 < 0 || m3 < m4 || m1 >= 0 || !strings.Contains(out, "more than 2") {
		t.Fatalf("exit %d: %s%s", code, out, errs)
	}
}
