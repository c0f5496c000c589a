package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/rollcall/rollcall/shared/client"
)

// outlook is what the platform should say of a workspace, to who looks at it and to
// who sends it a message.
type outlook struct {
	verdict  string
	action   string // "": none
	hint     string // a part of it
	expected string // what a sender is promised; "": no message is sent
}

// awaitOutlook waits for the verdict. Then each of two looks, half a second apart, must
// find the outlook, and a message that is sent at each must get its promise.
func (a *agent) awaitOutlook(ctx context.Context, o outlook) error {
	if _, err := a.awaitVerdict(ctx, o.verdict); err != nil {
		return err
	}
	for range 2 {
		v, err := a.view(ctx)
		if err == nil && verdictOf(v) != o.verdict {
			err = fmt.Errorf("it is %s, and no longer %s: %s", verdictOf(v), o.verdict, v.Raw)
		}
		if err == nil {
			err = checkAdvice(v, o.action, o.hint)
		}
		if err != nil {
			return err
		}
		if o.expected != "" {
			if err := a.checkPromised(ctx, o.expected); err != nil {
				return fmt.Errorf("it is %s: %w", o.verdict, err)
			}
		}
		wait(ctx, viewEvery)
	}
	return ctx.Err()
}

// checkPromised sends a message, which must get a promise. What is promised now must be
// delivered soon.
func (a *agent) checkPromised(ctx context.Context, promise string) error {
	id, expected, err := a.send(ctx)
	switch {
	case err != nil:
		return err
	case expected != promise:
		return fmt.Errorf("a sender is promised %q, not %q", expected, promise)
	case expected != "now":
		return nil
	}
	return within(ctx, soon, func(ctx context.Context) error {
		r, err := a.receipt(ctx, id)
		if err == nil && r.Text("state") != "delivered" {
			err = fmt.Errorf("it was promised now: %s", r.Raw)
		}
		return err
	})
}

// soon is how long a delivery that begins now may take on a slow machine.
const soon = 6 * time.Second

// checkView refuses a view that no facts can justify: a restart destroys the work of an
// agent that says that it is at work.
func checkView(r client.Reply) error {
	atWork := r.Text("active_tasks") != "0" && r.Text("status") != "offline" && r.Text("status") != "unknown"
	if r.Status == http.StatusOK && r.Text("action") == "restart" && atWork {
		return fmt.Errorf("an agent at work is to be restarted: %s", r.Raw)
	}
	return nil
}

// checkPromise refuses a receipt whose promise contradicts the verdict beside it.
func checkPromise(r client.Reply) error {
	failing := []string{"push_failing", "backlog_stalled", "inbox_unattended"}
	if r.Text("expected") == "now" && slices.Contains(failing, r.Text("workspace_reason")) {
		return fmt.Errorf("a sender is promised now while deliveries fail: %s", r.Raw)
	}
	return nil
}

// arrivedInOrder waits until everything that was sent is delivered. Each message must
// have come once, in the order in which it was sent.
func (a *agent) arrivedInOrder(ctx context.Context) error {
	sent := slices.Clone(a.sent)
	if err := a.arrived(ctx); err != nil {
		return err
	}
	if got := a.receivedMail(); !slices.Equal(got, sent) {
		return fmt.Errorf("it got %v, and %v was sent", got, sent)
	}
	return nil
}

// arrivedOnce is arrivedInOrder in any order.
func (a *agent) arrivedOnce(ctx context.Context) error {
	if err := a.arrived(ctx); err != nil {
		return err
	}
	got, sent := slices.Sorted(slices.Values(a.receivedMail())), slices.Sorted(slices.Values(a.sent))
	if !slices.Equal(got, sent) {
		return fmt.Errorf("it got %v, and %v was sent", got, sent)
	}
	return nil
}

// arrived waits until everything that was sent is delivered.
func (a *agent) arrived(ctx context.Context) error {
	if len(a.sent) == 0 {
		return errors.New("nothing was sent")
	}
	for _, id := range a.sent {
		if err := a.awaitMessage(ctx, id, "delivered"); err != nil {
			return err
		}
	}
	return nil
}

// receivedMail are the ids of the messages that it was pushed, without probes.
func (a *agent) receivedMail() []string {
	return slices.DeleteFunc(a.receivedIDs(), func(id string) bool { return strings.HasPrefix(id, "probe-") })
}

// receipt is what the platform says of a message now.
func (a *agent) receipt(ctx context.Context, id string) (client.Reply, error) {
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/messages/"+id, a.p.OperatorToken, nil)
	return r, wantStatus(r, err, http.StatusOK)
}

// awaitAttempts waits until there were so many attempts at a message.
func (a *agent) awaitAttempts(ctx context.Context, id string, n int) error {
	return within(ctx, patience, func(ctx context.Context) error {
		r, err := a.receipt(ctx, id)
		if attempts, _ := r.Body["attempts"].([]any); err == nil && len(attempts) < n {
			err = fmt.Errorf("%d attempts, not %d: %s", len(attempts), n, r.Raw)
		}
		return err
	})
}

// explained is the explanation as a person reads it.
func (a *agent) explained(ctx context.Context) (string, error) {
	r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/explain?format=text", "", nil)
	return string(r.Raw), wantStatus(r, err, http.StatusOK)
}

// checkExplained checks that the explanation contains each text.
func (a *agent) checkExplained(ctx context.Context, texts ...string) error {
	got, err := a.explained(ctx)
	if err != nil {
		return err
	}
	for _, text := range texts {
		if !strings.Contains(got, text) {
			return fmt.Errorf("the explanation does not say %q:\n%s", text, got)
		}
	}
	return nil
}

// answering answers each message and probe with a status, a content type and a body.
func answering(status int, contentType, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", contentType)
		w.WriteHeader(status)
		_, _ = w.Write([]byte(body))
	}
}

// within waits until ok holds, for no longer than d.
func within(ctx context.Context, d time.Duration, ok func(context.Context) error) error {
	return client.Until(ctx, d, func() error { return ok(ctx) })
}
