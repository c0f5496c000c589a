package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/client"
	"github.com/rollcall/rollcall/shared/visible"
)

// Exit codes, for scripts. The root command's help lists them for people.
const (
	exitRefused     = 1   // the platform refused the call
	exitUsage       = 2   // the command line is wrong
	exitUnreachable = 3   // no platform is known, or it doesn't answer, or it fails
	exitUnhealthy   = 4   // the command was done, with a bad outcome: not online, not delivered
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

// refusalOf reads a refusal from a reply. API Gateway's own errors have only a
// message, and a proxy's may have nothing that can be read.
func refusalOf(r client.Reply) *refusal {
	refused := &refusal{status: r.Status}
	if json.Unmarshal(r.Raw, &refused.Problem) == nil && refused.Problem.Error != "" {
		visible.Fields(&refused.Problem)
		return refused
	}
	message := cmp.Or(r.Text("message"), http.StatusText(r.Status), "nothing to read")
	refused.Problem = api.Problem{Error: "the platform answered " + visible.Text(message)}
	return refused
}

// outcome is an error that ends the program with an exit code of its own.
type outcome struct {
	code    int
	message string
}

// Error implements error.
func (o *outcome) Error() string { return o.message }

// unanswered is the outcome of a call that got no answer.
func unanswered(platform string, err error) error {
	if late, ok := errors.AsType[net.Error](err); ok && late.Timeout() {
		return &outcome{exitUnreachable, platform + " doesn't answer in time"}
	}
	if bare, ok := errors.AsType[*url.Error](err); ok {
		err = bare.Err // the rest repeats the address
	}
	return &outcome{exitUnreachable, fmt.Sprintf("%s doesn't answer: %v", platform, err)}
}

// temporary reports whether a call that failed may succeed when it is made again.
func temporary(err error) bool {
	if refused, ok := errors.AsType[*refusal](err); ok {
		return refused.status >= 500 || refused.status == http.StatusTooManyRequests
	}
	bad, ok := errors.AsType[*outcome](err)
	return ok && bad.code == exitUnreachable
}

// reportError prints why cmd failed and what to do next. It returns the exit code.
func reportError(errs io.Writer, cmd *cobra.Command, err error) int {
	if errors.Is(err, context.Canceled) {
		err = &outcome{exitInterrupted, "interrupted"}
	}
	fmt.Fprintf(errs, "rollcall: %s\n", strings.TrimSpace(err.Error()))
	if next := nextStep(cmd, err); next != "" {
		fmt.Fprintf(errs, "  %s\n", next)
	}
	return exitCode(err)
}

// nextStep is the platform's hint, or how the command is used; "" when the error
// says all there is to say.
func nextStep(cmd *cobra.Command, err error) string {
	if refused, ok := errors.AsType[*refusal](err); ok {
		if refused.Hint == "" {
			return ""
		}
		return "next: " + asCommands(refused.Hint)
	}
	if _, ok := errors.AsType[*outcome](err); ok {
		return ""
	}
	if cmd.HasSubCommands() {
		return "see: " + cmd.CommandPath() + " --help"
	}
	return "usage: " + cmd.UseLine()
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
	return exitUsage
}
