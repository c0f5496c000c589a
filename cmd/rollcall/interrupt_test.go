package main

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestCtrlC(t *testing.T) {
	const (
		goesOn      = "interrupted, and the message goes on; follow it with: rollcall receipts demo m1\n"
		mayRegister = "interrupted, and the agent may still register; see whether it has: rollcall status demo\n"
	)
	for args, c := range map[string]struct {
		at   string // the call during which it comes
		code int
		says string
	}{
		"watch":                 {"GET /workspaces", 0, ""},
		"events --follow":       {"GET /events", 0, ""},
		"events":                {"GET /events", 130, "rollcall: interrupted\n"},
		"status":                {"GET /workspaces", 130, "rollcall: interrupted\n"},
		"send demo hello":       {"GET /workspaces/demo/messages/m1", 130, goesOn},
		"probe demo":            {"GET /workspaces/demo/messages/m1", 130, "rollcall receipts demo m1\n"},
		"repair demo --wait 9s": {"GET /workspaces/demo", 130, mayRegister},
	} {
		for _, answered := range []bool{false, true} { // it comes during the call, or in the pause after it
			t.Run(fmt.Sprintf("%s, answered %v", args, answered), func(t *testing.T) {
				ctx, interrupt := context.WithCancel(t.Context())
				defer interrupt()
				p := &platform{answers: map[string][]answer{
					"POST /workspaces/demo/probe": {{202, taken}},
					"GET /events":                 {{200, `{"events": [], "next": 0}`}},
					"GET /workspaces":             {{200, `{"workspaces": []}`}},

					sendDemo: {{202, taken}}, receiptDemo: {{200, queued}},
					repairDemo: {{200, repaired}}, showDemo: {{200, before}},
				}}
				seen := 0
				code, out, errs := rollcall(ctx, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					if r.Method+" "+r.URL.Path == c.at {
						if seen++; seen == 2 || !strings.HasPrefix(args, "repair") { // repair looks once before it repairs
							if answered {
								time.AfterFunc(100*time.Millisecond, interrupt)
							} else {
								interrupt()
								<-r.Context().Done()
							}
						}
					}
					p.ServeHTTP(w, r)
				}), strings.Fields(args)...)
				if answered && (args == "status" || args == "events") {
					return // it was done before
				}
				if code != c.code || !strings.HasSuffix(errs, c.says) || c.says == "" && errs != "" {
					t.Errorf("exit %d\n%s%s", code, out, errs)
				}
			})
		}
	}
}
