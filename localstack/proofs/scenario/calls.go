package scenario

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/google/uuid"

	"github.com/rollcall/rollcall/shared/client"
)

// operate makes an operator's call on the workspace.
func (a *agent) operate(ctx context.Context, status int, verb string, body any) (client.Reply, error) {
	method, path := "POST", "/workspaces/"+a.id+"/"+verb
	if verb == "remove" {
		method, path = "DELETE", "/workspaces/"+a.id
	}
	r, err := a.p.Do(ctx, method, path, a.p.OperatorToken, body)
	return r, wantStatus(r, err, status)
}

// send sends a user's message. It returns its id and when its delivery is expected.
func (a *agent) send(ctx context.Context) (id, expected string, err error) {
	return a.sendFor(ctx, 0)
}

// sendFor is send of a message that may wait for so many seconds; 0: for as long as the
// platform keeps it.
func (a *agent) sendFor(ctx context.Context, seconds int) (id, expected string, err error) {
	id = uuid.NewString()
	m := client.Message(id, "hello")
	if seconds > 0 {
		m["params"].(map[string]any)["expires_in_seconds"] = seconds
	}
	r, err := a.p.Do(ctx, "POST", "/workspaces/"+a.id+"/a2a", "", m)
	if err == nil && r.Status != http.StatusOK && r.Status != http.StatusAccepted {
		err = fmt.Errorf("the message was answered %d: %s", r.Status, r.Raw)
	}
	if err == nil {
		a.sent, err = append(a.sent, id), checkPromise(r)
	}
	return id, r.Text("expected"), err
}

// awaitMessage waits until a message is in a state.
func (a *agent) awaitMessage(ctx context.Context, messageID, state string) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.p.Do(ctx, "GET", "/workspaces/"+a.id+"/messages/"+messageID, a.p.OperatorToken, nil)
		if err == nil && r.Text("state") != state {
			err = fmt.Errorf("message %s is %s (%s), not %s", messageID, r.Text("state"), r.Text("reason"), state)
		}
		return err
	})
}

// awaitExpiryCounted waits until a message that expired is counted. A receipt says at once
// that its message has expired; the sweep ends and counts it.
func (a *agent) awaitExpiryCounted(ctx context.Context) error {
	return client.Until(ctx, patience, func() error {
		r, err := a.view(ctx)
		if err == nil && r.Text("messages", "expired") == "0" {
			err = errors.New("none is counted as expired")
		}
		return err
	})
}

func wantStatus(r client.Reply, err error, status int) error {
	if err == nil && r.Status != status {
		err = fmt.Errorf("answered %d, not %d: %s", r.Status, status, r.Raw)
	}
	return err
}

// wantProblem checks a problem's status and code, and that it has a hint and an action.
func wantProblem(r client.Reply, err error, status int, code string) error {
	if err := wantStatus(r, err, status); err != nil {
		return err
	}
	if r.Text("code") != code || r.Text("hint") == "" || r.Text("action") == "" {
		return fmt.Errorf("refused with %s, not %s", r.Raw, code)
	}
	return nil
}
