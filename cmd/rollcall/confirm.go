package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"golang.org/x/term"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/visible"
)

// terminal is where a person at the terminal answers; nil when nobody is there.
func terminal() io.Reader {
	if !term.IsTerminal(int(os.Stdin.Fd())) { // /dev/null is a device too, and nobody answers there
		return nil
	}
	return os.Stdin
}

// credentialInUse is the code of a refusal to end a credential that an agent works
// with.
const credentialInUse = "credential_in_use"

// confirmed makes a call that would end a credential. When the platform says that
// the credential is in use, it shows whose it is and asks; a yes makes the call
// again with force. Where nobody can be asked, the platform's refusal stands.
func (a *app) confirmed(ctx context.Context, id string, force bool, call func(force bool) error) error {
	err := call(force)
	refused, ok := errors.AsType[*refusal](err)
	if !ok || refused.Code != credentialInUse || a.in == nil {
		return err
	}
	var ws api.Workspace
	if err := a.call(ctx, "GET", workspacePath(id), nil, &ws); err != nil {
		return err
	}
	fmt.Fprintf(a.errs, "%s (%s) is %s (%s): %s\ngo on? [y/N] ",
		ws.ID, visible.QuotedOr(ws.Name, "no name"), ws.Status, ws.Reason, refused.Problem.Error)
	answer, readErr := bufio.NewReader(a.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return call(true)
	}
	if readErr != nil { // nobody answered
		fmt.Fprintln(a.errs)
		return err
	}
	return &outcome{exitRefused, "nothing was done"}
}
