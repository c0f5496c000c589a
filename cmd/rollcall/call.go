package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/visible"
)

// mostTries is how often a call is made at most that others' changes kept from being done.
const mostTries = 6

// call makes a call and decodes its answer into v; a nil v drops the answer. Where others changed the same thing and so
// it changed nothing, it is made again, after the time that the platform says.
func (a *app) call(ctx context.Context, method, path string, body, v any) error {
	for try := 1; ; try++ {
		err := a.callOnce(ctx, method, path, body, v)
		refused, ok := errors.AsType[*refusal](err)
		if !ok || !lostARace(refused) || try == mostTries {
			return err
		}
		if !pause(ctx, refused.again(try)) {
			return a.asks(method, path).interrupted(ctx)
		}
	}
}

// lostARace reports whether a call was refused because others changed the same thing at that time. It changed nothing.
func lostARace(r *refusal) bool {
	return r.Code == string(fault.Conflict) || r.Code == string(fault.OperatorFirst)
}

// again is how long to wait after a try that was refused.
func (r *refusal) again(try int) time.Duration {
	return max(min(time.Duration(r.RetryAfter)*time.Second, mostWait), 10*time.Millisecond<<try)
}

// mostWait is how long the next try of a call is waited for at most.
const mostWait = 6 * time.Second

// callOnce makes one call. The platform is located at the first one, so that help and completion work without one.
func (a *app) callOnce(ctx context.Context, method, path string, body, v any) error {
	if a.platform.URL == "" {
		found, err := locate(a.url, a.token, a.context)
		if err != nil {
			return err
		}
		a.platform = found
	}
	req := a.asks(method, path)
	if ctx.Err() != nil {
		return req.interrupted(ctx)
	}
	answered := a.waitsFor(path)
	untilAnswered, end := req.finishing(ctx)
	defer end()
	bounded, cancel := context.WithTimeout(untilAnswered, longest)
	defer cancel()
	r, err := a.platform.Do(req.wire.trace(bounded), method, path, a.platform.OperatorToken, body)
	answered()
	if err != nil {
		if ctx.Err() != nil {
			return req.interrupted(ctx)
		}
		return req.unanswered(err)
	}
	if r.Status >= 300 {
		return req.refusal(r)
	}
	if v == nil {
		if len(r.Raw) > 0 && !json.Valid(r.Raw) {
			return req.foreign(r) // whoever answered did not do it
		}
		return nil
	}
	if err := json.Unmarshal(r.Raw, v); err != nil {
		return req.foreign(r)
	}
	if a.output != "json" {
		visible.Fields(v) // what agents and senders wrote stands in it
	}
	return nil
}

// patient is how long a call takes before a person is told what it waits for.
const patient = 5 * time.Second

// longest is how long a call takes at most. API Gateway gives up after 30 s; the rest is for the way to it.
const longest = 40 * time.Second

// waitsFor tells a person on a terminal what a call waits for, once it takes long; answered ends that. A call that asks
// the platform to wait for something is to take long.
func (a *app) waitsFor(path string) (answered func()) {
	if _, query, _ := strings.Cut(path, "?"); !a.attended || strings.Contains("&"+query, "&wait=") {
		return func() {}
	}
	said := make(chan struct{})
	timer := time.AfterFunc(patient, func() {
		defer close(said)
		fmt.Fprintf(a.errs, "rollcall: waiting for %s, which has not answered for %s; this ends after %s\n",
			visible.Text(a.platform.URL), patient, longest)
	})
	return func() {
		if !timer.Stop() {
			<-said
		}
	}
}

// workspacePath is the path of a workspace in the API.
func workspacePath(id string) string { return "/workspaces/" + url.PathEscape(id) }

// messagePath is the path of one of a workspace's messages in the API.
func messagePath(id, message string) string {
	return workspacePath(id) + "/messages/" + url.PathEscape(message)
}

// workspaceCommand is a command on one workspace, whose id is its first argument.
// It takes exactly the arguments that use names.
func workspaceCommand(use, short string, do func(ctx context.Context, args []string) error) *cobra.Command {
	return &cobra.Command{
		Use: use, Short: short, Args: cobra.ExactArgs(len(strings.Fields(use)) - 1),
		RunE: func(cmd *cobra.Command, args []string) error { return do(cmd.Context(), args) },
	}
}
