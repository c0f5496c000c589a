package main

import (
	"context"
	"fmt"
	"io"
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

// An interrupt does not cut off a call that changes something, as long as its answer comes soon: what it made is shown.
// Where no answer comes, it is said whether the call may have been done, and what shows that.
func TestCtrlCDuringAChange(t *testing.T) {
	const repairB = "POST /workspaces/b/repair"
	asksB := "next: rollcall history b says whether it was done\n"
	for name, c := range map[string]struct {
		args, at string // the call during which it comes
		answered bool   // the call is answered soon after
		code     int
		out, err string // the end of what is printed
	}{
		"a credential is shown": {"repair b --show", repairB, true, 0, "next: place it\n", ""},
		"one call": {
			"repair b", repairB, false, 130, "",
			"rollcall: interrupted; it may have been done all the same\n  " + asksB,
		},
		"a message": {
			"send b hello", "POST /workspaces/b/a2a", false, 130, "",
			"it may have been done all the same\n  next: rollcall receipts b says whether it was done\n",
		},
		"the second of three": {
			"repair a b c", repairB, false, 130, "b: interrupted\n",
			"rollcall: interrupted: repair was done for 1 of 3, and was not tried for 1; for b it may have been done\n  " +
				asksB,
		},
		"the second of three, which is done": {
			"repair a b c", repairB, true, 130, "",
			"rollcall: interrupted: repair was done for 2 of 3, and was not tried for 1\n",
		},
		"the last of three, which is done": {"repair a c b", repairB, true, 0, "", ""},
		"one of several messages": {
			"cancel b m1 m2 m3", "POST /workspaces/b/messages/m2/cancel", false, 130, "",
			"rollcall: interrupted: cancel was done for 1 of 3, and was not tried for 1; for m2 it may have been done\n" +
				"  next: rollcall receipts b says whether it was done\n",
		},
		"pages of messages": {
			"redrive b", "POST /workspaces/b/redrive", true, 130, "",
			"rollcall: interrupted: 1 message put back, and 5 left\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			const shown = `{"id": "b", "revoked": 1, "auth_token": "secret", "next": "place it"}`
			p := &platform{answers: map[string][]answer{
				"POST /workspaces/a/repair": {{200, repaired}}, repairB: {{200, shown}},
				"POST /workspaces/c/repair":             {{200, repaired}},
				"POST /workspaces/b/messages/m1/cancel": {{200, queued}},
				"POST /workspaces/b/redrive":            {{200, `{"messages": [` + queued + `], "left": 5}`}},
			}}
			code, out, errs := rollcall(ctx, t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method+" "+r.URL.Path == c.at {
					_, _ = io.Copy(io.Discard, r.Body) // so that the server sees when the client hangs up
					interrupt()
					if !c.answered {
						<-r.Context().Done()
						return
					}
				}
				p.ServeHTTP(w, r)
			}), strings.Fields(c.args)...)
			if code != c.code || !strings.HasSuffix(out, c.out) || !strings.HasSuffix(errs, c.err) || c.err == "" && errs != "" {
				t.Errorf("exit %d\n%s%s", code, out, errs)
			}
		})
	}
}
