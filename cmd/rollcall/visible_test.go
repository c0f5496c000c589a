package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"unicode"

	"github.com/rollcall/rollcall/shared/chat"
)

// hostile is what an agent may call itself, or say.
const hostile = "x\x1b[2J\x07\u202egnp.exe\u009b31m\ndemo is online (healthy)\r\u2028"

// hidesNothing fails when a terminal would obey a text instead of showing it. The program itself writes
// line ends.
func hidesNothing(t *testing.T, shown string) {
	t.Helper()
	if i := strings.IndexFunc(shown, func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028')
	}); i >= 0 {
		t.Errorf("%q is hidden in %q", shown[i:min(len(shown), i+4)], shown)
	}
}

// Whatever strangers write, a terminal shows it and does nothing else, in each form of output and in errors.
func TestATerminalObeysNobody(t *testing.T) {
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	fill := func(format string) string { return strings.ReplaceAll(format, "%", string(text)) }
	workspace := fill(`{"id": "demo", "name": %, "status": "online", "hint": %, "url": %, "runtime": %, "role": %,
		"delivery": {"reason": %}, "evidence": [{"fact": %}], "remarks": [{"text": %, "command": %}]}`)
	receipt := fill(`{"message_id": "m1", "workspace_id": "demo", "state": "delivered", "reason": %,
		"attempts": [{"text": %, "error": %}], "answer_text": %}`)
	answers := map[string][]answer{
		showDemo:                        {{200, workspace}},
		"GET /workspaces":               {{200, `{"workspaces": [` + workspace + `]}`}},
		"GET /workspaces/demo/explain":  {{200, fill(`{"workspace_id": "demo", "summary": %, "evidence": [{"fact": %}]}`)}},
		"GET /workspaces/demo/history":  {{200, fill(`{"history": [{"who": %, "from": %, "summary": %, "action": %}]}`)}},
		"GET /workspaces/demo/messages": {{200, `{"messages": [` + receipt + `]}`}},
		receiptDemo:                     {{200, receipt}},
		sendDemo:                        {{200, fill(`{"message_id": "m1", "message": %, "hint": %}`)}},
		"POST /workspaces/demo/pause":   {{400, fill(`{"error": %, "code": "c", "hint": %}`)}},
		"POST /workspaces/demo/resume":  {{502, fill(`{"message": %}`)}},
	}
	for _, args := range []string{
		"status", "status demo", "explain demo", "history demo", "receipts demo", "receipts demo m1", "send demo hi",
		"pause demo", "resume demo",
	} {
		for _, output := range []string{"table", "json"} {
			_, out, errs := rollcall(t.Context(), t, &platform{answers: answers}, append(strings.Fields(args), "-o", output)...)
			if !strings.Contains(out+errs, "gnp.exe") {
				t.Errorf("%s -o %s shows nothing: %s%s", args, output, out, errs)
			}
			hidesNothing(t, out+errs)
			if strings.Contains(out+errs, "\ndemo is online") {
				t.Errorf("%s -o %s: a stranger's line stands among the program's own: %s", args, output, out)
			}
		}
	}
}

// JSON for programs keeps what was said.
func TestJSONKeepsWhatWasSaid(t *testing.T) {
	text, err := json.Marshal(hostile)
	if err != nil {
		t.Fatal(err)
	}
	served := fmt.Sprintf(`{"message_id": "m1", "answer": {"parts": [{"kind": "text", "text": %s}]}}`, text)
	_, out, _ := rollcall(t.Context(), t, &platform{answers: on(receiptDemo, answer{200, served})},
		"receipts", "demo", "m1", "-o", "json")
	var r struct{ Answer json.RawMessage }
	if err := json.Unmarshal([]byte(out), &r); err != nil || chat.Text(r.Answer) != hostile {
		t.Errorf("%s, %v", out, err)
	}
}
