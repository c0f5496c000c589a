package conformance

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"

	"github.com/rollcall/rollcall/shared/client"
)

// run is one client's sequence.
type run struct {
	Platform
	out    io.Writer
	client *agent
	sent   int      // messages of the user so far
	made   []string // the workspaces that it created
	failed int
}

func (r *run) step(what string, do func() error) {
	if err := do(); err != nil {
		r.failed++
		fmt.Fprintf(r.out, "  FAIL  %s: %v\n", what, err)
		return
	}
	fmt.Fprintf(r.out, "  ok    %s\n", what)
}

// create creates the workspace as its client expects: one bootstraps itself, the others
// are given a token.
func (r *run) create(ctx context.Context) error {
	a := r.client
	if a.traits().secret == bootstrapped {
		return a.boot(ctx, a)
	}
	r.made = append(r.made, a.id)
	reply, err := r.Do(ctx, "POST", "/workspaces", r.OperatorToken, map[string]any{"id": a.id, "name": a.name()})
	if err == nil && reply.Status != http.StatusCreated {
		err = fmt.Errorf("create answered %d %s", reply.Status, reply.Raw)
	}
	a.token = reply.Text("auth_token")
	return err
}

// person is the credential of a person who sends, or looks: none where none is asked for.
func (r *run) person() string {
	if r.Deployed {
		return r.OperatorToken
	}
	return ""
}

func (r *run) fromUser(ctx context.Context, text string) error {
	id := r.client.id + "-" + strings.ReplaceAll(text, " ", "-")
	reply, err := r.Do(ctx, "POST", "/workspaces/"+r.client.id+"/a2a", r.person(), client.Message(id, text))
	if err == nil && (reply.Status != http.StatusOK || reply.Text("status") != "queued") {
		err = fmt.Errorf("sending answered %d %s", reply.Status, reply.Raw)
	}
	return err
}

func (r *run) turns(ctx context.Context, n int) error {
	for range n {
		if err := r.client.turn(ctx); err != nil {
			return err
		}
	}
	if r.client.exited != "" {
		return fmt.Errorf("the client ended: %s", r.client.exited)
	}
	return nil
}

// took checks which messages the client took after the first at.
func (r *run) took(at int, want ...string) error {
	if got := r.client.texts(at); !slices.Equal(got, want) {
		return fmt.Errorf("took %q, want %q", got, want)
	}
	return nil
}

// answered checks that the user was told each of these texts.
func (r *run) answered(ctx context.Context, want ...string) error {
	reply, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id+"/activity?type=notify&limit=500", r.OperatorToken, nil)
	if err != nil {
		return err
	}
	for _, text := range want {
		if !strings.Contains(string(reply.Raw), fmt.Sprintf("%q", text)) {
			return fmt.Errorf("the user was not told %q: %s", text, reply.Raw)
		}
	}
	return nil
}

func (r *run) status(ctx context.Context, status, reason string) error {
	v, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id, r.person(), nil)
	if err == nil && (v.Text("status") != status || (reason != "" && v.Text("reason") != reason)) {
		err = fmt.Errorf("status is %s (%s), want %s (%s)", v.Text("status"), v.Text("reason"), status, reason)
	}
	return err
}

func (r *run) delivered(ctx context.Context, n int) error {
	v, err := r.Do(ctx, "GET", "/workspaces/"+r.client.id, r.person(), nil)
	if err == nil && (v.Text("messages", "delivered") != fmt.Sprint(n) || v.Text("inbox", "queued") != "0") {
		err = fmt.Errorf("messages are %v, want %d delivered", v.Body["messages"], n)
	}
	return err
}

// removed removes what the run created: a deployment stays as it was.
func (r *run) removed(ctx context.Context) error {
	for _, id := range r.made {
		reply, err := r.Do(ctx, "DELETE", "/workspaces/"+id+"?purge=true", r.OperatorToken, nil)
		if err == nil && reply.Status != http.StatusOK {
			err = fmt.Errorf("removing %s answers %d: %s", id, reply.Status, reply.Raw)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
