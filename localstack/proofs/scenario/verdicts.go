package scenario

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// The verdicts that the stories wait for, as status/reason.
const (
	healthy             = "online/healthy"
	busy                = "online/busy"
	credentialsRejected = "degraded/credentials_rejected"
	leaseExpired        = "offline/lease_expired"
	platformSuspect     = "unknown/platform_suspect"
	duplicateHost       = "degraded/duplicate_host"
	pushFailing         = "degraded/push_failing"
	inboxUnattended     = "degraded/inbox_unattended"
	backlogStalled      = "degraded/backlog_stalled"
	runtimeWedged       = "degraded/runtime_wedged"
	answersFailing      = "degraded/answers_failing"
	restartLoop         = "degraded/restart_loop"
	highErrorRate       = "degraded/error_rate"
	neverRegistered     = "provisioning/never_registered"
)

// verdictOf reads the verdict of a workspace's view.
func verdictOf(r client.Reply) string {
	if r.Status == http.StatusGone {
		return "removed/removed"
	}
	return r.Text("status") + "/" + r.Text("reason")
}

// view is what the platform says of the workspace now. A recorder records it.
func (a *agent) view(ctx context.Context) (client.Reply, error) {
	a.viewing.Lock()
	defer a.viewing.Unlock()
	asked := time.Now()
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id, "", nil)
	if err != nil {
		return r, err
	}
	err = checkView(r)
	if a.recorder != nil {
		a.recorder.record(r, asked)
		a.recorder.untrue = cmp.Or(a.recorder.untrue, err)
	}
	return r, err
}

// awaitVerdict waits until the workspace has a verdict, and returns its view.
func (a *agent) awaitVerdict(ctx context.Context, verdict string) (client.Reply, error) {
	var last client.Reply
	err := client.Until(ctx, patience, func() (err error) {
		if last, err = a.view(ctx); err == nil && verdictOf(last) != verdict {
			err = fmt.Errorf("it is %s, not %s: %s", verdictOf(last), verdict, last.Raw)
		}
		return err
	})
	return last, err
}

// awaitAdvice waits until the verdict asks for an action, with words in its hint.
func (a *agent) awaitAdvice(ctx context.Context, action, hint string) error {
	return client.Until(ctx, patience, func() error {
		v, err := a.view(ctx)
		if err == nil {
			err = checkAdvice(v, action, hint)
		}
		return err
	})
}

// keepsVerdict views the workspace every half second for a time, in which its verdict
// must not change.
func (a *agent) keepsVerdict(ctx context.Context, verdict string, d time.Duration) error {
	for end := time.Now().Add(d); time.Now().Before(end); wait(ctx, viewEvery) {
		r, err := a.view(ctx)
		if err == nil && verdictOf(r) != verdict {
			err = fmt.Errorf("it is %s, and no longer %s: %s", verdictOf(r), verdict, r.Raw)
		}
		if err != nil {
			return err
		}
	}
	return ctx.Err()
}

// viewEvery is how often a workspace is viewed while a story waits.
const viewEvery = 500 * time.Millisecond

// verdictRecorder views a workspace every half second, and whenever its story does,
// and records each verdict once until it changes.
type verdictRecorder struct {
	stop     context.CancelFunc
	ended    chan struct{}
	verdicts []string  // guarded by the agent's viewing until ended
	since    time.Time // since when the last view said that it has its verdict
	viewed   time.Time // when that view was asked for
	untrue   error     // the first view that can't be true
}

// writeTime is how long a call may take to write what it dates by its start.
const writeTime = 2 * time.Second

// recordVerdicts starts a recorder. The first verdict is recorded when it returns.
func (a *agent) recordVerdicts(ctx context.Context) *verdictRecorder {
	ctx, stop := context.WithCancel(ctx)
	v := &verdictRecorder{stop: stop, ended: make(chan struct{})}
	a.viewing.Lock()
	a.recorder = v
	a.viewing.Unlock()
	mustGet(a.view(ctx))
	go func() {
		defer close(v.ended)
		for last := false; !last; {
			last = !wait(ctx, viewEvery)
			_, _ = a.view(context.WithoutCancel(ctx))
		}
		a.viewing.Lock()
		a.recorder = nil
		a.viewing.Unlock()
	}()
	return v
}

// record takes a view, that was asked for at a time, if it has a verdict. No verdict may
// claim to have begun before the last view, unless that had the same one, since the same
// time.
func (v *verdictRecorder) record(r client.Reply, asked time.Time) {
	if r.Status == http.StatusNotFound || r.Status == http.StatusServiceUnavailable {
		return
	}
	verdict, first := verdictOf(r), len(v.verdicts) == 0
	same := !first && v.verdicts[len(v.verdicts)-1] == verdict
	since, err := time.Parse(time.RFC3339Nano, r.Text("since"))
	if err != nil { // a workspace that is removed has no view
		since = asked
	}
	goesOn := same && since.Equal(v.since)
	if v.untrue == nil && err == nil && !first && !goesOn && since.Before(v.viewed.Add(-writeTime)) {
		v.untrue = fmt.Errorf("at %s it was %s since %s, and then: %s", v.viewed.UTC().Format(time.RFC3339Nano),
			v.verdicts[len(v.verdicts)-1], v.since.Format(time.RFC3339Nano), r.Raw)
	}
	v.since, v.viewed = since, asked
	if !same {
		v.verdicts = append(v.verdicts, verdict)
	}
}

// recorded stops the recorder. It must have recorded exactly these verdicts in this
// order.
func (v *verdictRecorder) recorded(verdicts ...string) error {
	v.stop()
	<-v.ended
	if !slices.Equal(v.verdicts, verdicts) {
		return fmt.Errorf("seen: %s; not: %s", strings.Join(v.verdicts, ", "), strings.Join(verdicts, ", "))
	}
	return v.untrue
}

// explainedBy checks how the command begins that explain prints.
func (a *agent) explainedBy(ctx context.Context, command string) error {
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/explain", a.p.OperatorToken, nil)
	if err == nil && !strings.HasPrefix(r.Text("command"), command) {
		err = fmt.Errorf("explain says %q, not %q", r.Text("command"), command)
	}
	return err
}

// checkAdvice checks the action and the hint of a view.
func checkAdvice(r client.Reply, action, hint string) error {
	said := strings.Contains(strings.ToLower(r.Text("hint")), strings.ToLower(hint)) // a clause may begin a sentence
	if r.Text("action") != action || !said {
		return fmt.Errorf("action %q and hint %q, not %q and %q", r.Text("action"), r.Text("hint"), action, hint)
	}
	return nil
}

// checkEvidence checks that the evidence of a view contains a fact.
func checkEvidence(r client.Reply, fact string) error {
	all, _ := r.Body["evidence"].([]any)
	for _, e := range all {
		if m, ok := e.(map[string]any); ok && strings.Contains(fmt.Sprint(m["fact"]), fact) {
			return nil
		}
	}
	return fmt.Errorf("no evidence says %q: %s", fact, r.Raw)
}

// awaitHistory waits until a verdict is the newest change in the history, whose numbers
// must be without gaps.
func (a *agent) awaitHistory(ctx context.Context, verdict string) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", "", nil)
		if err := wantStatus(r, err, 200); err != nil {
			return err
		}
		lines, _ := r.Body["history"].([]any)
		if len(lines) == 0 {
			return errors.New("the history is empty")
		}
		for i, l := range lines {
			change := client.Reply{Body: l.(map[string]any)}
			if n := fmt.Sprint(len(lines) - i); change.Text("change", "workspace_seq") != n {
				return fmt.Errorf("line %d is number %s, not %s", i, change.Text("change", "workspace_seq"), n)
			}
		}
		newest := client.Reply{Body: lines[0].(map[string]any)}
		got := newest.Text("change", "to", "status") + "/" + newest.Text("change", "to", "reason")
		if got != verdict {
			return fmt.Errorf("the newest change is to %s, not %s", got, verdict)
		}
		return nil
	})
}

// awaitChanges waits until these are the newest changes of the history, oldest first.
func (a *agent) awaitChanges(ctx context.Context, verdicts ...string) error {
	return within(ctx, patience, func(ctx context.Context) error {
		got, err := a.changes(ctx)
		if err == nil && !slices.Equal(got[max(0, len(got)-len(verdicts)):], verdicts) {
			err = fmt.Errorf("the history is %v, and not %v at its end", got, verdicts)
		}
		return err
	})
}

// changes are the verdicts in the history, oldest first.
func (a *agent) changes(ctx context.Context) (verdicts []string, err error) {
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/history", "", nil)
	if err := wantStatus(r, err, http.StatusOK); err != nil {
		return nil, err
	}
	lines, _ := r.Body["history"].([]any)
	for _, l := range slices.Backward(lines) {
		change := client.Reply{Body: l.(map[string]any)}
		verdicts = append(verdicts, change.Text("change", "to", "status")+"/"+change.Text("change", "to", "reason"))
	}
	return verdicts, nil
}
