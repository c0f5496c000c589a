package main

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/cost"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What is as long as it may be.
var (
	longID      = strings.Repeat("workspace-", 6) + "0123"
	longName    = strings.TrimSpace(strings.Repeat("Ludmila's reviewer ", 10))
	longMessage = strings.Repeat("0123456789abcdef", 4)
	longURL     = "https://" + strings.Repeat("agents.", 20) + "example/a2a"
	longText    = strings.TrimSpace(strings.Repeat("the agent answered with an error ", 8)) + " END"
	longAgo     = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
)

// longFleet has a workspace of each reason, every one with a remark, and two with an ordinary id.
func longFleet() (fleet []api.Workspace) {
	lost := api.Remark{Code: workspace.RemarkMailLost, Text: longText, Command: "rollcall redrive " + longID}
	for i, reason := range workspace.Reasons() {
		ws := row(longID, workspace.StatusProvisioning, reason, longAgo, lost)
		ws.Name, ws.URL, ws.Hint, ws.Command = longName, longURL, longText, "rollcall repair "+longID
		ws.CommandNeeds = "operate"
		ws.Delivery = api.Delivery{Effective: workspace.Push, Reason: longText}
		ws.Inbox = api.Inbox{Queued: 1000, OldestAgeSeconds: 86400}
		ws.Totals = api.Totals{Accepted: 1e6, Delivered: 1e6, Dead: 123456}
		ws.Evidence = []api.Evidence{{At: longAgo, Fact: longText}}
		switch i {
		case 0:
			ws.ID = "demo"
		case 1:
			ws.ID = "0c1f5a0e-6b0b-4b43-8a0a-4a3c6f0a6d52"
		}
		fleet = append(fleet, ws)
	}
	return fleet
}

func longReceipts() []api.Receipt {
	r := api.Receipt{
		MessageID: longMessage, Seq: 123456, State: chat.InFlight, Reason: longText, SourceID: longID,
		AcceptedAt: longAgo, ExpiresAt: longAgo, AnswerText: longText,
		Attempts: []api.Attempt{{At: longAgo, Via: chat.ByPush, Text: longText, Error: longText}},
	}
	short := r
	short.MessageID, short.SourceID, short.SentBy = "m1", "", longName+" rcp_1"
	return []api.Receipt{r, short}
}

// printers print each table, and each other list of lines, with what is as long as it may be. The reason stands whole
// in each that has one.
var printers = map[string]func(*printer){
	"fleetTable":     func(w *printer) { fleetTable(w, longFleet()) },
	"workspaceTable": func(w *printer) { workspaceTable(w, longFleet()[2]) },
	"receiptsTable":  func(w *printer) { receiptsTable(w, longReceipts()) },
	"receiptTable":   func(w *printer) { receiptTable(w, longReceipts()[0]) },
	"historyTable": func(w *printer) {
		historyTable(w, []api.HistoryEntry{{
			At: longAgo, Action: "credential_refused", Who: longName, From: "2001:db8::1:2:3:4",
			Summary: longText,
		}})
	},
	"tokenTable": func(w *printer) {
		tokenTable(w, []api.Token{{
			TokenID: "0123456789abcdef", Name: longName, Scope: "operate", Team: longID[:40],
			ExpiresAt: longAgo, UsedAt: longAgo, UsedFrom: "2001:db8::1:2:3:4", CreatedBy: longName,
		}})
	},
	"webhookTable": func(w *printer) {
		webhookTable(w, []api.Webhook{{
			WebhookID: "0123456789abcdef", State: "failing", Behind: 123456, Missed: 123456,
			TakenAt: longAgo, NextTry: longAgo, Statuses: []workspace.Status{"degraded", "offline", "unknown"}, URL: longURL,
			Reason: longText,
		}})
	},
	"contextTable": func(w *printer) { contextTable(w, []contextRow{{longID, longURL, true}}) },
	"printCost": func(w *printer) {
		load := cost.Workload{Agents: 1e9, Polling: 0.5, PollEvery: time.Second, BeatEvery: time.Second, MessagesPerDay: 1e6}
		bill := cost.Of(load, cost.USEast1)
		printCost(w, load, bill, cost.Alternatives(load, bill, cost.USEast1))
	},
	"log": func(w *printer) {
		for _, e := range receiptEntries(longReceipts()[0]) {
			e.print(w)
		}
		entry{At: longAgo, Kind: "answer", Message: longMessage, Text: longText}.print(w)
	},
	"events": func(w *printer) {
		printEvent(w, api.Change{Seq: 123456, At: longAgo, Workspace: longID, To: api.Standing{
			Status: workspace.StatusDegraded, Reason: workspace.ReasonCredentialsRejected,
		}})
	},
	"watch":    func(w *printer) { change{"online", longFleet()[2]}.print(w) },
	"problems": func(w *printer) { problemsReport(w, problemsOf(longFleet(), filter{}, false), filter{}) },
	"top": func(w *printer) {
		_, _ = w.Write([]byte(drawn(*w, longFleet(), 1000, errors.New(longText)) + "\n"))
	},
	"explain": func(w *printer) {
		e := workspace.Explanation{
			WorkspaceID: longID, Status: "degraded", Reason: workspace.ReasonCredentialsRejected,
			Summary: longText, Next: longText, Command: "rollcall repair " + longID,
			Evidence: []workspace.Evidence{{At: longAgo, Fact: longText}},
		}
		w.lines(w.words(e.Text()))
	},
	"doctor": func(w *printer) {
		found := []finding{{"credential", broken, longText, longText}}
		diagnosis{Findings: found, Broken: "credential", Next: longText}.print(w)
	},
}

// Every table fits the terminal, and no id, reason or command in it is cut.
func TestEveryTableFitsTheTerminal(t *testing.T) {
	for name, show := range printers {
		for _, width := range []int{narrowestTable, 52, 64, 80, 100, 160} {
			var out strings.Builder
			show(&printer{Writer: &out, zone: time.UTC, now: longAgo.Add(time.Hour), width: width})
			for line := range strings.Lines(out.String()) {
				bare := strings.TrimSpace(line)
				copied := strings.TrimRight(bare, ":)") // what may be copied stays whole, at the end of its line
				whole := strings.HasPrefix(bare, "rollcall ") || slices.ContainsFunc([]string{longID, longMessage, longURL},
					func(long string) bool {
						return strings.HasSuffix(copied, long) && width < utf8.RuneCountInString(long)+gap*7
					})
				if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && !whole {
					t.Errorf("%s in %d columns: a line of %d characters: %s", name, width, n, line)
				}
			}
			for _, reason := range workspace.Reasons() {
				if name == "fleetTable" && !strings.Contains(out.String(), string(reason)) {
					t.Errorf("%s in %d columns cuts %s", name, width, reason)
				}
			}
			for _, cut := range []string{longID[:40], longMessage[:8], "rollcall repair " + longID[:10]} {
				cut += "…"
				if strings.Contains(out.String(), cut) {
					t.Errorf("%s in %d columns cuts %q", name, width, cut)
				}
			}
			if t.Failed() {
				t.Fatalf("%s in %d columns\n%s", name, width, &out)
			}
		}
	}
}

// Each function that prints a table is among the printers.
func TestEveryTableIsTested(t *testing.T) {
	files, err := filepath.Glob("*.go")
	if err != nil {
		t.Fatal(err)
	}
	found := 0
	for _, name := range files {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, decl := range file.Decls {
			f, ok := decl.(*ast.FuncDecl)
			if !ok {
				continue
			}
			ast.Inspect(f, func(n ast.Node) bool {
				call, ok := n.(*ast.SelectorExpr)
				if ok && call.Sel.Name == "table" {
					if found++; printers[f.Name.Name] == nil {
						t.Errorf("%s: %s prints a table and is not tested", name, f.Name.Name)
					}
				}
				return true
			})
		}
	}
	if found < 8 {
		t.Errorf("%d tables are found", found)
	}
}
