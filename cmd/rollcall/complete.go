package main

import (
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// completePatience is how long a shell waits for the platform.
const completePatience = 2 * time.Second

// completions are how many ids a shell is offered.
const completions = 200

// completeIDs offers the ids of workspaces, with what each is called and its status.
func (a *app) completeIDs(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	fleet, err := a.fleet(ctx, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp // nobody reads an error here
	}
	taken := map[string]bool{}
	for _, id := range given {
		taken[id] = true
	}
	var out []string
	for _, ws := range fleet {
		if strings.HasPrefix(ws.ID, begun) && !taken[ws.ID] && len(out) < completions {
			out = append(out, cobra.CompletionWithDesc(ws.ID, ws.Name+", "+string(ws.Status)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeSenders offers what --from takes.
func (a *app) completeSenders(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	out, directive := a.completeIDs(cmd, nil, begun)
	for i, offered := range out {
		id, _, _ := strings.Cut(offered, "\t")
		out[i] = workspace.SenderName(id) + strings.TrimPrefix(offered, id)
	}
	if strings.HasPrefix(workspace.Users, begun) {
		out = append(out, cobra.CompletionWithDesc(workspace.Users, "all users"))
	}
	return out, directive
}

// completeTeams offers the teams there are.
func (a *app) completeTeams(cmd *cobra.Command, _ []string, begun string) ([]string, cobra.ShellCompDirective) {
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	fleet, err := a.fleet(ctx, "")
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	notBegun := func(team string) bool { return !strings.HasPrefix(team, begun) }
	return slices.DeleteFunc(teamsOf(fleet), notBegun), cobra.ShellCompDirectiveNoFileComp
}

// completeOneID offers an id where a command takes one.
func (a *app) completeOneID(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(given) > 0 {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return a.completeIDs(cmd, nil, begun)
}

// completeMessages offers the id of a workspace, and then those of its messages.
func (a *app) completeMessages(cmd *cobra.Command, given []string, begun string) ([]string, cobra.ShellCompDirective) {
	if len(given) == 0 {
		return a.completeIDs(cmd, nil, begun)
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), completePatience)
	defer cancel()
	receipts, _, err := pages(ctx, a, workspacePath(given[0])+"/messages", url.Values{}, completions,
		func(p page) []api.Receipt { return p.Messages }, nil)
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var out []string
	for _, r := range receipts {
		if strings.HasPrefix(r.MessageID, begun) {
			out = append(out, cobra.CompletionWithDesc(r.MessageID, string(r.State)))
		}
	}
	return out, cobra.ShellCompDirectiveNoFileComp
}

// completeContexts offers the names of the platforms that a person has signed in to.
func completeContexts(*cobra.Command, []string, string) ([]string, cobra.ShellCompDirective) {
	all, err := readContexts()
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	return all.names(), cobra.ShellCompDirectiveNoFileComp
}

// completeArguments says for each command that takes the id of a workspace first, and has nothing better to offer,
// that a shell offers ids.
func (a *app) completeArguments(root *cobra.Command) {
	for _, cmd := range root.Commands() {
		_, arguments, _ := strings.Cut(cmd.Use, " ")
		if cmd.ValidArgsFunction == nil && strings.HasPrefix(strings.Trim(arguments, "[]"), "ID") {
			cmd.ValidArgsFunction = a.completeOneID
		}
	}
}
