package main

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// situations are facts of the workspace w, by the reason that they lead to. They are judged at now.
func situations(now time.Time) map[workspace.Reason][]workspace.Facts {
	p := workspace.DefaultPolicy()
	ago := func(seconds int) time.Time { return now.Add(-time.Duration(seconds) * time.Second) }
	var created workspace.Facts
	created.ID, created.CreatedAt, created.Version = "w", ago(3600), 1
	live := created
	live.RegisteredAt, live.HeartbeatAt, live.LeaseUntil = ago(1800), ago(5), now.Add(85*time.Second)
	live.SeenFrom, live.Pushable, live.Credential = "10.0.0.1", true, token.Digest("x")
	live.Homes = workspace.NoteHome("", live.SeenFrom, now)
	of := func(f workspace.Facts, change func(*workspace.Facts)) workspace.Facts { change(&f); return f }
	with := func(change func(*workspace.Facts)) workspace.Facts { return of(live, change) }
	refused := func(f workspace.Facts, from string, presented workspace.Issued, at ...int) workspace.Facts {
		for _, at := range at {
			f, _ = workspace.Refuse(f, workspace.Refusal{
				Kind: workspace.SignalRegister, From: from, Hash: token.Digest("old"), Issued: presented,
			}, p, ago(at))
		}
		return f
	}
	before := with(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = ago(3100), ago(3010) })
	repaired, _ := workspace.Repair(before, "10.0.0.1", p, ago(60))
	late, _ := workspace.Repair(before, "10.0.0.1", p, ago(3000))
	revoked, _ := workspace.Revoke(before, p, ago(60))
	byHand, _ := workspace.RepairByHand(before, token.Digest("y"), ago(60))
	given := workspace.Create("w", token.Digest("y"), workspace.Poll, 1, ago(3600))
	opened, _ := workspace.Repair(created, "10.0.0.1", p, ago(60))
	mail := func(f *workspace.Facts) { f.Open, f.OldestOpen, f.TriedAt = 1, ago(300), ago(290) }
	return map[workspace.Reason][]workspace.Facts{
		workspace.ReasonRemoved: {with(func(f *workspace.Facts) { f.Hold, f.HoldSince = workspace.Removed, now })},
		workspace.ReasonPaused:  {with(func(f *workspace.Facts) { f.Hold, f.HoldSince = workspace.Paused, now })},
		workspace.ReasonNeverRegistered: {
			of(created, func(f *workspace.Facts) { f.NextCredential = token.Digest("y") }), created, opened,
			refused(opened, "10.0.0.9", "", 30), refused(created, "10.0.0.9", "", 30),
			refused(given, "10.0.0.9", "", 30), refused(given, "10.0.0.9", "", 3000),
			refused(given, "10.0.0.9", workspace.IssuedBefore, 30), refused(given, "10.0.0.9", workspace.IssuedElsewhere, 30),
			refused(opened, "10.0.0.9", workspace.IssuedBefore, 30),
		},
		workspace.ReasonCredentialsRejected: {
			refused(live, "10.0.0.1", "", 4, 3, 2),
			refused(of(live, func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = ago(300), ago(210) }), "10.0.0.1", "", 2),
			repaired, late, revoked, byHand, refused(repaired, "10.0.0.9", "", 30), refused(byHand, "10.0.0.1", "", 30),
			refused(repaired, "10.0.0.9", workspace.IssuedHere, 30),
			refused(repaired, "10.0.0.9", workspace.IssuedElsewhere, 30),
			refused(of(late, func(f *workspace.Facts) {
				f.NextCredential, f.IssuedAt, f.IssuedTo = token.Digest("y"), ago(60), workspace.ToAgent
			}), "10.0.0.1", "", 30, 2, 1),
		},
		workspace.ReasonPlatformSuspect: {with(func(f *workspace.Facts) { f.Open, f.OldestOpen = 1, ago(300) })},
		workspace.ReasonLeaseExpired: {
			with(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = ago(900), ago(810) }),
			refused(with(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = ago(900), ago(810) }), "10.0.0.9", "", 9),
			refused(with(func(f *workspace.Facts) { f.HeartbeatAt, f.LeaseUntil = ago(900), ago(810) }), "10.0.0.9",
				workspace.IssuedBefore, 9),
		},
		workspace.ReasonDuplicateHost: {with(func(f *workspace.Facts) {
			f.Takeovers, f.TakeoversSince, f.TakenOverAt = 2, ago(9), ago(9)
		})},
		workspace.ReasonRuntimeWedged:   {with(func(f *workspace.Facts) { f.WedgedSince = ago(9) })},
		workspace.ReasonInboxUnattended: {with(func(f *workspace.Facts) { f.Pushable, f.Declared = false, workspace.Poll })},
		workspace.ReasonPushFailing: {
			with(func(f *workspace.Facts) { f.PushFailures, f.PushFault = 3, workspace.FaultRefused }),
			with(func(f *workspace.Facts) { f.UndeliveredAt = ago(9) }),
			with(func(f *workspace.Facts) { mail(f); f.BusyAnswers, f.BusySince = 9, ago(300) }),
			with(func(f *workspace.Facts) {
				f.PushFailures, f.PushFault, f.RegisterRefused, f.RegisterRefusedAt = 3, workspace.FaultRefused, 1, ago(9)
				f.RefusedAt, f.RefusedSince, f.RefusedFrom = ago(9), ago(9), "10.0.0.1"
			}),
		},
		workspace.ReasonBacklogStalled: {with(mail)},
		workspace.ReasonAnswersFailing: {with(func(f *workspace.Facts) {
			f.AnswerFailures, f.AnswersFailingSince = 3, ago(9)
		})},
		workspace.ReasonRestartLoop: {with(func(f *workspace.Facts) {
			f.QuickRegisters, f.QuickSince, f.RegisteredAt = 8, ago(60), ago(2)
			f.StartSigns = 40
		})},
		workspace.ReasonInboxFull: {
			with(func(f *workspace.Facts) {
				f.Open, f.FullSince, f.FullAt, f.FullOpen, f.OldestOpen = 500, now, now, 500, now
			}),
			with(func(f *workspace.Facts) {
				f.Open, f.FullSince, f.FullAt, f.FullOpen, f.OldestOpen, f.FullBy = 500, now, now, 500, now, "flooder"
			}),
		},
		workspace.ReasonErrorRate: {with(func(f *workspace.Facts) { f.ErrorsSince, f.SampleError = ago(9), "no quota" })},
		workspace.ReasonBusy:      {with(func(f *workspace.Facts) { f.ActiveTasks, f.ActiveAt = 1, ago(9) })},
		workspace.ReasonHealthy: {
			live,
			with(func(f *workspace.Facts) { f.LostMessages, f.LostAt = 2, ago(9) }),
			with(func(f *workspace.Facts) { f.FullSince, f.FullAt, f.FullOpen = ago(9), ago(9), 500 }),
		},
	}
}

// situatedAt is when the situations are judged.
var situatedAt = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

// spoken finds the commands in a sentence, with all that follows on them and is no word of a sentence.
var spoken = regexp.MustCompile(
	`rollcall [a-z]+(?: (?:w\b|--[a-z-]+(?: (?:[0-9][0-9.]*[0-9]|FILE|ADDR|users|flooder))?))*`)

// Whatever is wrong with a workspace, its verdict names a command. This program takes each that the verdict, its hint
// and its remarks name, and the reader may run it, or is told who may.
func TestEachVerdictNamesACommandThatWorks(t *testing.T) {
	found, checked := situations(situatedAt), 0
	for _, reason := range workspace.Reasons() {
		if len(found[reason]) == 0 {
			t.Errorf("%s: nothing leads to it", reason)
		}
		for _, f := range found[reason] {
			e := workspace.Fleet{}.Explain(f, workspace.DefaultPolicy(), situatedAt)
			if e.Reason != reason {
				t.Errorf("%s, not %s: %s", e.Reason, reason, e.Text())
				continue
			}
			wrong := e.Status != workspace.StatusOnline
			if (e.Command != "") != wrong || wrong && e.Next == "" {
				t.Errorf("%s is %s, and its command is %q: %s", reason, e.Status, e.Command, e.Next)
			}
			commands := spoken.FindAllString(e.Next, -1)
			for _, r := range e.Remarks {
				commands = append(append(commands, spoken.FindAllString(r.Text, -1)...), r.Command)
			}
			if e.Command != "" {
				commands = append(commands, e.Command)
			}
			for _, command := range commands {
				checkCommand(t, command)
				checked++
			}
		}
	}
	if checked < 50 {
		t.Errorf("%d commands were found in the verdicts", checked)
	}
}

// checkCommand runs a command against a platform that notes its calls.
func checkCommand(t *testing.T, command string) {
	t.Helper()
	words := strings.Fields(strings.NewReplacer(" FILE", " /nowhere", " ADDR", " 10.0.0.1").Replace(command))[1:]
	cmd, rest, err := (&app{}).command().Find(words)
	if err == nil {
		err = cmd.ParseFlags(rest)
	}
	if err == nil {
		err = cmd.ValidateArgs(cmd.Flags().Args())
	}
	if err != nil || !cmd.HasParent() {
		t.Errorf("%s: %v", command, err)
		return
	}
	var routes []string
	rollcall(t.Context(), t, noted(&routes), append(words, "-o", "json")...)
	if len(routes) == 0 || slices.Contains(routes, "") {
		t.Errorf("%s calls %q", command, routes)
	}
	if needs := neededBy(routes); needs.Allows(api.ByViewer) != (httpapi.CommandNeeds(command) == "view") {
		t.Errorf("%s calls %q, and a reader is told that it needs %q", command, routes, httpapi.CommandNeeds(command))
	}
}

// noted notes the routes that are called, and answers with as little as a command goes on with.
func noted(routes *[]string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*routes = append(*routes, routeOf(r.Method+" "+r.URL.Path))
		_, _ = w.Write([]byte(`{"message_id":"m","state":"delivered"}`))
	})
}

// routeOf is the route of a call about the workspace w; "": there is none.
func routeOf(call string) string {
	for _, o := range api.Operations() {
		if o.Route == call || strings.NewReplacer("/{id}", "/w", "/{message_id}", "/m").Replace(o.Route) == call {
			return o.Route
		}
	}
	return ""
}

// neededBy are the people who may make all of these calls.
func neededBy(routes []string) api.Access {
	least := api.ByViewer | api.ByOperator | api.ByAdmin
	for _, o := range api.Operations() {
		if slices.Contains(routes, o.Route) && !o.Access.Allows(api.ByAnyone) {
			least &= o.Access
		}
	}
	return least
}
