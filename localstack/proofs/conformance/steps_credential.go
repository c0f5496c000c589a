package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

// staleFile is a token in a file that wins over that of the environment for polls only.
func (r *run) staleFile(ctx context.Context) error {
	a, at := r.client, len(r.client.taken)
	a.file = "a-token-of-last-year"
	defer func() { a.file = "" }()
	if err := errors.Join(
		r.fromUser(ctx, "sent while its polls are refused"), r.turns(ctx, 2), r.took(at),
		r.nextStepIs(ctx, "inspect", "rollcall doctor "),
	); err != nil {
		return err
	}
	a.file = a.token // a person has put the right one there
	return errors.Join(
		r.turns(ctx, 2), r.took(at, "sent while its polls are refused"), r.status(ctx, "online", ""),
	)
}

// lockedOut has the client boot twice without a token that is accepted, while mail waits.
// It returns the token that it had; action is what the status asks for.
func (r *run) lockedOut(ctx context.Context, token, action string) (lost string, err error) {
	a := r.client
	if err := r.fromUser(ctx, "sent while it was locked out"); err != nil {
		return "", err
	}
	lost, a.token = a.token, token
	for range 2 {
		if err := errors.Join(a.restart(ctx, true), a.turn(ctx)); err != nil {
			return "", err
		}
	}
	if ended := a.exited != ""; ended != a.traits().endsUnregistered {
		return "", fmt.Errorf("it ended: %q", a.exited)
	}
	return lost, r.nextStepIs(ctx, action, "rollcall repair ")
}

// nextStepIs checks that the status says that the credential is refused, and what to do.
func (r *run) nextStepIs(ctx context.Context, action, command string) error {
	v, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id, r.person(), nil)
	if err == nil && (v.Text("status") != "degraded" || v.Text("reason") != "credentials_rejected" ||
		v.Text("action") != action || !strings.Contains(v.Text("hint"), command+r.client.id)) {
		err = fmt.Errorf("the view does not say the next step: %s", v.Raw)
	}
	return err
}

func (r *run) repair(ctx context.Context) error {
	reply, err := r.Do(ctx, "POST", "/workspaces/"+r.client.id+"/repair", r.OperatorToken, nil)
	if err == nil && reply.Status != http.StatusOK {
		err = fmt.Errorf("repair answered %s", reply.Raw)
	}
	return err
}

// tokenLost is the incident as a client sees it that keeps what register gives it.
func (r *run) tokenLost(ctx context.Context) error {
	lost, err := r.lockedOut(ctx, "", "repair")
	if err != nil {
		return err
	}
	if err := errors.Join(r.repair(ctx), r.client.restart(ctx, true)); err != nil {
		return err
	}
	return r.restored(ctx, lost)
}

// tokenPlacedByHand is the same for one that keeps nothing: no boot of it mends anything,
// so the operator is shown a token and puts it where the client reads it.
func (r *run) tokenPlacedByHand(ctx context.Context) error {
	a := r.client
	lost, err := r.lockedOut(ctx, "a-token-of-last-year", "place_credential")
	if err != nil {
		return err
	}
	reply, err := r.Do(ctx, "POST", "/workspaces/"+a.id+"/repair", r.OperatorToken, map[string]any{"show": true})
	if err != nil || reply.Text("auth_token") == "" {
		return fmt.Errorf("the operator is shown no token: %s, %v", reply.Raw, err)
	}
	a.token = reply.Text("auth_token")
	if err := a.restart(ctx, true); err != nil {
		return err
	}
	return r.restored(ctx, lost)
}

// restored checks that the client gets the mail that waited, and that the lost token is
// good for nothing.
func (r *run) restored(ctx context.Context, lost string) error {
	a := r.client
	if err := errors.Join(r.turns(ctx, 2), r.status(ctx, "online", "")); err != nil {
		return err
	}
	if got := a.texts(len(a.taken) - 1); got[0] != "sent while it was locked out" {
		return fmt.Errorf("took %q last", got[0])
	}
	old, err := a.call(ctx, "POST", "/registry/heartbeat", lost, map[string]any{"workspace_id": a.id}, nil)
	if err != nil || old.Status != http.StatusUnauthorized {
		return fmt.Errorf("the lost token still answers %d, %v", old.Status, err)
	}
	return nil
}
