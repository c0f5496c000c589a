package main

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// targets are the workspaces that a command is for: those that are named, or those that are picked.
type targets struct {
	filter
	all, dryRun, yes bool
	// shows: the command itself shows what it would do, with the flag for it.
	shows bool
	// concerns: of those that are picked, only these; nil: all. The others are named with why, "" for not at all.
	concerns func(api.Workspace) bool
	why      string
	// spares says why one that is picked is left out, which a person is told; "": it is not.
	spares func(api.Workspace) string
}

// means reports whether a workspace that is picked is one that the command is for.
func (t *targets) means(ws api.Workspace) bool {
	return ws.Status != workspace.StatusRemoved && (t.concerns == nil || t.concerns(ws))
}

// spared says why a workspace that the command is for is left out; "": it is not.
func (t *targets) spared(ws api.Workspace) string {
	if t.spares == nil {
		return ""
	}
	return t.spares(ws)
}

// touches reports whether the command would be done to a workspace that is picked.
func (t *targets) touches(ws api.Workspace) bool { return t.means(ws) && t.spared(ws) == "" }

// flags defines the flags of a command for several workspaces.
func (t *targets) flags(a *app, cmd *cobra.Command) {
	t.filter.flags(a, cmd)
	cmd.Flags().BoolVar(&t.all, "all", false, "all workspaces but those that are removed")
	cmd.Flags().BoolVar(&t.dryRun, "dry-run", false, "only show which workspaces it would change")
	cmd.Flags().BoolVarP(&t.yes, "yes", "y", false, "don't ask first")
}

// bulkCommand is a command on the workspaces that its arguments or its flags name.
func (a *app) bulkCommand(verb, short string, do func(ctx context.Context, id string) error) *cobra.Command {
	return a.bulkCommandOf(&targets{}, verb, short,
		func(ctx context.Context, ws api.Workspace) error { return do(ctx, ws.ID) })
}

// bulkCommandOf is bulkCommand for a command that needs more of a workspace than its id. Of one that an argument names,
// nothing else is known.
func (a *app) bulkCommandOf(
	t *targets, verb, short string, do func(ctx context.Context, ws api.Workspace) error,
) *cobra.Command {
	cmd := &cobra.Command{
		Use: verb + " ID…", Short: short, ValidArgsFunction: a.completeIDs,
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.eachOf(cmd.Context(), verb, *t, args, func(ws api.Workspace) error { return do(cmd.Context(), ws) })
		},
	}
	t.flags(a, cmd)
	return cmd
}

// each does something to each target. One that fails keeps none of the others from it. With the flags that pick
// workspaces it says before what it will be done to, and asks a person.
func (a *app) each(ctx context.Context, verb string, t targets, ids []string, do func(id string) error) error {
	return a.eachOf(ctx, verb, t, ids, func(ws api.Workspace) error { return do(ws.ID) })
}

// eachOf is each, for what needs more of a workspace than its id.
func (a *app) eachOf(
	ctx context.Context, verb string, t targets, ids []string, do func(ws api.Workspace) error,
) error {
	if len(ids) == 1 && !t.given() && !t.all && (!t.dryRun || t.shows) {
		return do(api.Workspace{ID: ids[0]})
	}
	picked, err := a.chosen(ctx, t, ids)
	if err == nil && len(ids) == 0 && !t.dryRun {
		err = a.askable(verb, t.yes)
	}
	if err != nil {
		return err
	}
	chosen := a.unspared(t, picked)
	if len(picked) == 0 {
		a.printf("no workspace matches\n")
		return nil
	}
	if t.dryRun && !t.shows {
		if chosen, err = a.known(ctx, chosen, ids); err != nil {
			return err
		}
		return a.show(chosen, func(w *printer) {
			fleetTable(w, chosen)
			fmt.Fprintf(w, "%s would be done to %s\n", verb, count(len(chosen), "workspace"))
		})
	}
	if len(ids) == 0 && !t.dryRun && len(chosen) > 0 {
		if err := a.agreed(verb, t.yes, chosen); err != nil {
			return err
		}
	}
	a.lines = true
	var first error
	failed := 0
	for i, ws := range chosen {
		if ctx.Err() != nil {
			return cut(verb, i-failed, failed, len(chosen), ws.ID, nil)
		}
		a.printf("%s: ", ws.ID)
		if err := do(ws); err != nil {
			if ctx.Err() != nil {
				a.printf("interrupted\n")
				return cut(verb, i-failed, failed, len(chosen), ws.ID, err)
			}
			first = cmp.Or(first, err)
			failed++
			a.printf("failed\n")
			a.failed(ws.ID, err)
			if none, ok := errors.AsType[*unreached](err); ok { // the others would wait as long, and fail too
				return &unreached{message: fmt.Sprintf("%s failed for %d of %d, and was not tried for %d", verb, failed,
					len(chosen), len(chosen)-i-1), next: none.next, maybe: none.maybe, vain: none.vain}
			}
		}
	}
	switch spared := len(picked) - len(chosen); {
	case failed > 0 && exitCode(first) == exitUnreachable: // it answers, and can't do it now
		_, next := nextStep(nil, first)
		return &unreached{message: fmt.Sprintf("%s failed for %d of %d", verb, failed, len(chosen)), next: next}
	case failed > 0:
		return &outcome{exitCode(first), fmt.Sprintf("%s failed for %d of %d", verb, failed, len(chosen))}
	case spared > 0:
		return &outcome{exitRefused, fmt.Sprintf("%s left %d of %d out", verb, spared, len(picked))}
	}
	return nil
}

// known are workspaces with all that is known of them: those that were named are read.
func (a *app) known(ctx context.Context, chosen []api.Workspace, ids []string) ([]api.Workspace, error) {
	if len(ids) == 0 {
		return chosen, nil
	}
	out := make([]api.Workspace, len(ids))
	for i, id := range ids {
		if err := a.call(ctx, "GET", workspacePath(id), nil, &out[i]); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// unspared are the workspaces that are not left out; of each other one it says why.
func (a *app) unspared(t targets, picked []api.Workspace) (chosen []api.Workspace) {
	for _, ws := range picked {
		why := t.spared(ws)
		if why == "" {
			chosen = append(chosen, ws)
			continue
		}
		a.warn("%s is left out: %s", ws.ID, a.printer().words(why))
	}
	return chosen
}

// chosen are the workspaces that are meant. Those that are named need not be in the fleet: the platform says what is
// wrong with them.
func (a *app) chosen(ctx context.Context, t targets, ids []string) ([]api.Workspace, error) {
	switch {
	case len(ids) > 0 && (t.given() || t.all):
		return nil, errors.New("give ids, or the flags that pick workspaces, not both")
	case len(ids) > 0:
		var out []api.Workspace
		for _, id := range ids {
			out = append(out, api.Workspace{ID: id})
		}
		return out, nil
	case !t.given() && !t.all:
		return nil, errors.New("give an ID, --status, --reason, --team, --selector or --all")
	}
	fleet, err := a.picked(ctx, t.filter)
	var out []api.Workspace
	var others []string
	for _, ws := range fleet {
		switch {
		case t.means(ws):
			out = append(out, ws)
		case ws.Status == workspace.StatusRemoved:
		default:
			others = append(others, ws.ID)
		}
	}
	if t.why != "" && len(others) > 0 {
		a.warn("left out, %s: %s", t.why, strings.Join(others, ", "))
	}
	return out, err
}

// askable is an error where an act that is asked about first was not agreed to beforehand, and nobody can be asked.
func (a *app) askable(verb string, yes bool) error {
	if yes || a.in != nil {
		return nil
	}
	return &outcome{exitUsage, verb + " asks first, and there is no terminal to ask at: nothing was done; " +
		"--dry-run shows what it would do, and --yes does it without asking"}
}

// agreed asks a person, who is there, whether to go on with several workspaces.
func (a *app) agreed(verb string, yes bool, chosen []api.Workspace) error {
	if yes {
		return nil
	}
	var names []string
	for _, ws := range chosen {
		names = append(names, ws.ID)
	}
	return a.agreedTo(fmt.Sprintf("%s %s: %s", verb, count(len(chosen), "workspace"), strings.Join(names, ", ")))
}

// agreedTo asks a person, who is there, whether to go on with what is about to be done.
func (a *app) agreedTo(what string) error {
	fmt.Fprintf(a.errs, "%s\ngo on? [y/N] ", what)
	answer, err := bufio.NewReader(a.in).ReadString('\n')
	switch strings.ToLower(strings.TrimSpace(answer)) {
	case "y", "yes":
		return nil
	}
	if err != nil {
		fmt.Fprintln(a.errs)
	}
	return &outcome{exitRefused, "nothing was done"}
}
