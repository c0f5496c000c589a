package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/visible"
)

// Exit codes, for scripts. The root command's help lists them for people.
const (
	exitRefused     = 1   // the platform refused the call
	exitUsage       = 2   // the command line is wrong
	exitUnreachable = 3   // no platform is known, or it doesn't answer, or it fails
	exitUnhealthy   = 4   // the command was done, with a bad outcome: not online, not delivered, not all ended
	exitInterrupted = 130 // Ctrl-C
)

// refusal is an error that the platform answered.
type refusal struct {
	api.Problem
	status int
}

// Error implements error.
func (r *refusal) Error() string {
	if r.Code == "" {
		return fmt.Sprintf("%s (HTTP %d)", r.Problem.Error, r.status)
	}
	return fmt.Sprintf("%s (%s, HTTP %d)", r.Problem.Error, r.Code, r.status)
}

// refusal reads a refusal from a reply. API Gateway's own errors have only a message; what is neither is no answer of
// the platform's.
func (c *request) refusal(r client.Reply) error {
	refused := &refusal{status: r.Status}
	// At a gateway's timeout no function has answered yet, and may do so all the same.
	answered := json.Unmarshal(r.Raw, &refused.Problem) == nil && refused.Problem.Error != ""
	if answered && r.Status != http.StatusGatewayTimeout {
		visible.Fields(&refused.Problem)
		return refused
	}
	message := r.Text("message")
	if message == "" {
		return c.foreign(r)
	}
	message, next := "the platform answered "+visible.Text(message), c.doctor+" finds what is broken"
	if r.Status < http.StatusInternalServerError {
		refused.Problem = api.Problem{Error: message, Hint: next}
		return refused
	}
	failed := &unreached{message: fmt.Sprintf("%s (HTTP %d)", message, r.Status), next: next, maybe: !c.reads()}
	c.consequence(failed)
	return failed
}

// outcome is an error that ends the program with an exit code of its own.
type outcome struct {
	code    int
	message string
}

// Error implements error.
func (o *outcome) Error() string { return o.message }

// temporary reports whether a call that failed may succeed when it is made again.
func temporary(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status >= 500 || refused.status == http.StatusTooManyRequests
	}
	none, ok := errors.AsType[*unreached](err)
	return ok && !none.vain
}

// reportError prints why cmd failed and what to do next: with --output json as an object in one line, which is the last
// one of standard error. It returns the exit code.
func (a *app) reportError(cmd *cobra.Command, err error) int {
	if errors.Is(err, context.Canceled) {
		err = &outcome{exitInterrupted, interrupted}
	}
	if a.output == "json" {
		a.failure(failureOf(cmd, err))
		return exitCode(err)
	}
	text := err.Error()
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == string(fault.InvalidRequest) && cmd != nil {
		text = strings.Replace(text, refused.Problem.Error, inFlags(cmd, refused.Problem.Error), 1)
	}
	fmt.Fprintf(a.errs, "rollcall: %s\n", visible.Lines(strings.TrimSpace(text)))
	if head, next := nextStep(cmd, err); next != "" {
		fmt.Fprintf(a.errs, "  %s: %s\n", head, next)
	}
	return exitCode(err)
}

// failed prints that a command failed for one of several things, named by what, and goes on with the others.
func (a *app) failed(what string, err error) {
	if a.output == "json" {
		f := failureOf(nil, err)
		f.Of = what
		a.failure(f)
		return
	}
	fmt.Fprintf(a.errs, "rollcall: %s: %s\n", visible.Text(what), visible.Lines(err.Error()))
}

// warn prints what a person should know, beside the output of the command.
func (a *app) warn(format string, args ...any) {
	if text := fmt.Sprintf(format, args...); a.output == "json" {
		a.failure(map[string]string{"warning": text})
	} else {
		fmt.Fprintln(a.errs, "rollcall: "+visible.Lines(text))
	}
}

// failure prints a line of JSON to standard error.
func (a *app) failure(v any) {
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) == nil {
		_, _ = a.errs.Write(visible.JSON(raw.Bytes()))
	}
}

// failure is an error as --output json prints it: the platform's own, or one that has its members.
type failure struct {
	Of     string `json:"of,omitempty"` // which of several things it is about
	Status int    `json:"http_status,omitempty"`
	api.Problem
}

// failureOf is an error with the members that each of the platform's errors has.
func failureOf(cmd *cobra.Command, err error) failure {
	if refused, ok := errors.AsType[*refusal](err); ok {
		f := failure{Status: refused.status, Problem: refused.Problem}
		_, f.Hint = nextStep(cmd, err)
		f.Code = cmp.Or(f.Code, fmt.Sprint("http_", f.Status))
		if part, ok := errors.AsType[*halfway](err); ok {
			f.Error = part.done + f.Error
		}
		if f.Action == "" {
			f.Action = fault.ActionStop
			if temporary(err) {
				f.Action = fault.ActionRetry
			}
		}
		return f
	}
	f := failure{Problem: api.Problem{Error: strings.TrimSpace(err.Error()), Action: fault.ActionStop}}
	f.Code = outcomeCodes[exitCode(err)]
	if temporary(err) {
		f.Action = fault.ActionRetry
	}
	_, f.Hint = nextStep(cmd, err)
	return f
}

// outcomeCodes are the codes of errors that are not the platform's, by their exit codes.
var outcomeCodes = map[int]string{
	exitRefused: "not_done", exitUsage: "usage", exitUnreachable: "platform_unreachable", exitUnhealthy: "bad_outcome",
	exitInterrupted: "interrupted",
}

// nextStep is the platform's hint, how to find why it doesn't answer, or how the command is used, and what to call
// that; "" when the error says all there is to say. cmd is nil where a command goes on with others.
func nextStep(cmd *cobra.Command, err error) (head, next string) {
	if refused, ok := errors.AsType[*refusal](err); ok {
		if hint := ofAMessage(cmd, refused); hint != "" {
			return "next", hint
		}
		return "next", asCommands(withTime(refused.Problem))
	}
	if none, ok := errors.AsType[*unreached](err); ok {
		return "next", none.next
	}
	if cut, ok := errors.AsType[*interruption](err); ok {
		return "next", cut.next
	}
	if _, ok := errors.AsType[*outcome](err); ok || cmd == nil {
		return "", ""
	}
	if cmd.HasSubCommands() {
		return "see", cmd.CommandPath() + " --help"
	}
	return "usage", cmd.UseLine()
}

// withTime is the hint of a problem, with the time that a header of the answer has for programs.
func withTime(p api.Problem) string {
	after := "a moment"
	if p.RetryAfter > 0 {
		after = (time.Duration(p.RetryAfter) * time.Second).String()
	}
	return strings.ReplaceAll(strings.ReplaceAll(p.Hint, "the time in Retry-After", after), "Retry-After", after)
}

// messageID is the form of the ids of messages that the platform gives.
var messageID = regexp.MustCompile(`^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

// ofAMessage says, of an id that no workspace has, that it looks like that of a message, and with which command the
// message is found; "": it does not, or the command takes no workspace.
func ofAMessage(cmd *cobra.Command, refused *refusal) string {
	if cmd == nil || refused.Code != string(fault.WorkspaceUnknown) || !messageID.MatchString(cmd.Flags().Arg(0)) {
		return ""
	}
	id, verb := cmd.Flags().Arg(0), "receipts"
	if strings.Contains(cmd.Use, "MESSAGE") {
		verb = cmd.Name()
	}
	return fmt.Sprintf("check the id; or, if it is that of a message, as it looks, name its workspace first: "+
		"rollcall %s WORKSPACE %s", verb, id)
}

// exitCode is the exit code of an error. An error that is neither the platform's
// nor an outcome comes from parsing the command line.
func exitCode(err error) int {
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.status >= 500 {
			return exitUnreachable
		}
		return exitRefused
	}
	if bad, ok := errors.AsType[*outcome](err); ok {
		return bad.code
	}
	if _, ok := errors.AsType[*unreached](err); ok {
		return exitUnreachable
	}
	if _, ok := errors.AsType[*interruption](err); ok {
		return exitInterrupted
	}
	return exitUsage
}
