package main

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) watchCommand() *cobra.Command {
	var every time.Duration
	var only filter
	cmd := &cobra.Command{
		Use:   "watch",
		Short: "The fleet, and then each change of a status as it comes",
		Args:  cobra.NoArgs,
		RunE:  func(cmd *cobra.Command, _ []string) error { return a.watch(cmd.Context(), only, every) },
	}
	only.flags(a, cmd)
	every = fleetAnew
	positiveVar(cmd, &every, "every", "how often the whole fleet is read again, beside its changes")
	return cmd
}

// watch prints the fleet, and then what differs, until it is interrupted. A workspace that was picked, or is now, is
// one whose change is printed.
func (a *app) watch(ctx context.Context, only filter, every time.Duration) error {
	sieve, err := only.read()
	if err != nil {
		return err
	}
	l := &live{app: a, anew: every, wait: longestWait}
	known := map[string]api.Workspace{}
	var failed error // of the last read
	for first := true; ; first = false {
		err := l.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // an interrupt is the normal end
		case err != nil && (first || !temporary(err)):
			return err
		case err != nil && failed == nil:
			a.warnRetry(err)
		}
		failed = err
		if err == nil {
			if err := a.showChanges(sieve, known, l.list(), first); err != nil {
				return err
			}
			known = maps.Clone(l.fleet)
		}
		if !pause(ctx, min(every, betweenEvents(failed))) {
			return nil
		}
	}
}

// showChanges prints what differs between the known workspaces and the fleet. The
// first read is a table for people; as JSON, each of its workspaces is a change.
func (a *app) showChanges(only sieve, known map[string]api.Workspace, fleet []api.Workspace, first bool) error {
	picked, err := only.pick(fleet)
	switch {
	case first && err != nil:
		return err
	case first && a.output == "table":
		fleetTable(a.printer(), picked)
		return a.out.failed
	}
	for _, c := range changesOf(known, fleet) {
		before, wasThere := known[c.to.ID]
		if !only.fits(c.to) && (!wasThere || !only.fits(before)) {
			continue
		}
		if err := a.showLine(c.to, c.print); err != nil {
			return err
		}
	}
	for _, id := range removedFrom(known, fleet) {
		if !only.fits(known[id]) {
			continue
		}
		gone := map[string]string{"id": id, "status": "removed"}
		err := a.showLine(gone, func(w *printer) { fmt.Fprintf(w, "%s  %s  removed\n", w.at(w.now), id) })
		if err != nil {
			return err
		}
	}
	return nil
}

// change is a workspace whose status or reason is another than before.
type change struct {
	from workspace.Status // "" for a workspace that is new
	to   api.Workspace
}

func (c change) print(w *printer) {
	w.lines(fmt.Sprintf("%s  %s  %s → %s (%s)  %s",
		w.at(w.now), c.to.ID, cmp.Or(string(c.from), "new"), c.to.Status, c.to.Reason, w.words(c.to.Hint)))
}

// changesOf returns the workspaces of fleet that are new or have changed.
func changesOf(known map[string]api.Workspace, fleet []api.Workspace) []change {
	var changes []change
	for _, ws := range fleet {
		before, ok := known[ws.ID]
		if !ok || before.Status != ws.Status || before.Reason != ws.Reason {
			changes = append(changes, change{before.Status, ws})
		}
	}
	return changes
}

// removedFrom returns the ids of the known workspaces that fleet lacks.
func removedFrom(known map[string]api.Workspace, fleet []api.Workspace) []string {
	gone := maps.Clone(known)
	for _, ws := range fleet {
		delete(gone, ws.ID)
	}
	return slices.Sorted(maps.Keys(gone))
}

func byID(fleet []api.Workspace) map[string]api.Workspace {
	m := make(map[string]api.Workspace, len(fleet))
	for _, ws := range fleet {
		m[ws.ID] = ws
	}
	return m
}
