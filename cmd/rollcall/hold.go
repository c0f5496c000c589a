package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
)

func (a *app) pauseCommand() *cobra.Command {
	return a.bulkCommand("pause", "Pause workspaces: their mail waits",
		func(ctx context.Context, id string) error { return a.setHold(ctx, id, "pause") })
}

func (a *app) resumeCommand() *cobra.Command {
	return a.bulkCommand("resume", "End a pause",
		func(ctx context.Context, id string) error { return a.setHold(ctx, id, "resume") })
}

// setHold begins or ends an operator's hold; action is pause or resume.
func (a *app) setHold(ctx context.Context, id, action string) error {
	var ws api.Changed
	if err := a.call(ctx, "POST", workspacePath(id)+"/"+action, nil, &ws); err != nil {
		return err
	}
	return a.show(ws, func(w *printer) {
		fmt.Fprintf(w, "%s is %s (%s)%s\n", ws.ID, ws.Status, ws.Reason, unchangedWords(ws))
	})
}

// unchangedWords say of an act that it changed nothing.
func unchangedWords(ws api.Changed) string {
	if !ws.Unchanged {
		return ""
	}
	return "; it was so before, and nothing is changed"
}
