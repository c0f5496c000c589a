package main

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

// filter picks workspaces of the fleet: by what they are (team, selector) and by how they are (status, reason, and a
// selector's status and mode). The zero filter picks all.
type filter struct {
	status, reason string
	team, selector string
}

// flags defines the filter's flags.
func (f *filter) flags(a *app, cmd *cobra.Command) {
	listedVar(cmd, &f.status, "status", "only workspaces with one of these statuses", workspace.Status("").Choices())
	choiceVar(cmd, &f.reason, "reason", "only workspaces with this reason", reasons())
	cmd.Flags().StringVar(&f.team, "team", "", "only workspaces of this team")
	completeFlag(cmd, "team", a.completeTeams)
	cmd.Flags().StringVar(&f.selector, "selector", "",
		"only workspaces that have all of these: mode=poll,name=review* (also id, team, role, runtime, tier, status)")
}

// reasons are the reasons of verdicts as texts.
func reasons() (out []string) {
	for _, r := range workspace.Reasons() {
		out = append(out, string(r))
	}
	return out
}

// given reports whether the filter picks some and not all.
func (f *filter) given() bool { return *f != filter{} }

// words are the filter as it is said on a command line.
func (f *filter) words() string {
	var out []string
	for _, flag := range []struct{ name, value string }{
		{"status", f.status}, {"reason", f.reason}, {"team", f.team}, {"selector", f.selector},
	} {
		if flag.value != "" {
			out = append(out, "--"+flag.name+" "+quoted(flag.value))
		}
	}
	return strings.Join(out, " ")
}

// among says among which workspaces something was looked for; "" for all.
func (f *filter) among() string {
	if !f.given() {
		return ""
	}
	return "with those of " + f.words()
}

// bare is what a shell takes as it is written.
var bare = regexp.MustCompile(`^[A-Za-z0-9_.,:=/-]+$`)

// quoted is a word as a shell reads it.
func quoted(word string) string {
	if bare.MatchString(word) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

// sieve is a filter that is read: what a workspace has to be, and how it has to be.
type sieve struct {
	filter
	is, stands []condition
}

// condition is what a workspace has under a name fits a pattern, as in a shell.
type condition struct {
	of      func(api.Workspace) string
	pattern string
}

func (c condition) fits(ws api.Workspace) bool {
	fits, _ := path.Match(c.pattern, c.of(ws)) // the pattern is checked when it is read
	return fits
}

// selectable are what a selector can ask for of what a workspace is. standing are those of how it is, with the words
// that there are.
var (
	selectable = map[string]func(api.Workspace) string{
		"id":      func(ws api.Workspace) string { return ws.ID },
		"name":    func(ws api.Workspace) string { return ws.Name },
		"team":    func(ws api.Workspace) string { return ws.Team },
		"role":    func(ws api.Workspace) string { return ws.Role },
		"runtime": func(ws api.Workspace) string { return ws.Runtime },
		"tier":    func(ws api.Workspace) string { return strconv.Itoa(ws.Tier) },
	}
	standing = map[string]struct {
		of    func(api.Workspace) string
		words []string
	}{
		"mode": {
			func(ws api.Workspace) string { return string(ws.Delivery.Effective) },
			[]string{string(workspace.Push), string(workspace.Poll)},
		},
		"status": {func(ws api.Workspace) string { return string(ws.Status) }, workspace.Status("").Choices()},
	}
)

// read reads the filter. A selector has key=pattern with commas between.
func (f filter) read() (sieve, error) {
	s := sieve{filter: f}
	for part := range strings.SplitSeq(f.selector, ",") {
		if f.selector == "" {
			break
		}
		key, pattern, ok := strings.Cut(strings.TrimSpace(part), "=")
		if _, err := path.Match(pattern, ""); !ok || err != nil {
			return s, fmt.Errorf("--selector has key=pattern with commas between, not %q", part)
		}
		if of := selectable[key]; of != nil {
			s.is = append(s.is, condition{of, pattern})
			continue
		}
		how, ok := standing[key]
		if !ok {
			return s, fmt.Errorf("--selector knows id, name, team, role, runtime, tier, mode and status, not %q", part)
		}
		known := func(word string) bool { fits, _ := path.Match(pattern, word); return fits }
		if !slices.ContainsFunc(how.words, known) {
			return s, fmt.Errorf("--selector: %s is one of %s, not %q", key, strings.Join(how.words, ", "), pattern)
		}
		s.stands = append(s.stands, condition{how.of, pattern})
	}
	return s, nil
}

// askedStatus is the status that the platform is asked for, which is one or all. Where it matters which workspaces
// there are at all, the whole fleet is read.
func (s sieve) askedStatus() string {
	if s.team != "" || len(s.is) > 0 || strings.Contains(s.status, ",") {
		return ""
	}
	return s.status
}

// isOne reports whether a workspace is one of those that are meant, however it is.
func (s sieve) isOne(ws api.Workspace) bool {
	return (s.team == "" || ws.Team == s.team) && !slices.ContainsFunc(s.is, func(c condition) bool { return !c.fits(ws) })
}

// fits reports whether the filter picks a workspace.
func (s sieve) fits(ws api.Workspace) bool {
	return s.isOne(ws) && (s.status == "" || slices.Contains(strings.Split(s.status, ","), string(ws.Status))) &&
		(s.reason == "" || string(ws.Reason) == s.reason) &&
		!slices.ContainsFunc(s.stands, func(c condition) bool { return !c.fits(ws) })
}

// pick keeps those of a fleet, read with askedStatus, that the filter picks. Error: no workspace is what was asked for,
// which a wrong letter brings about. That none is so now as was asked for, is no error.
func (s sieve) pick(fleet []api.Workspace) ([]api.Workspace, error) {
	if scoped := s.team != "" || len(s.is) > 0; scoped && !slices.ContainsFunc(fleet, s.isOne) {
		return nil, &outcome{exitUsage, s.nobody(fleet)}
	}
	out := []api.Workspace{}
	for _, ws := range fleet {
		if s.fits(ws) {
			out = append(out, ws)
		}
	}
	return out, nil
}

// nobody says that no workspace is what was asked for, and which teams there are.
func (s sieve) nobody(fleet []api.Workspace) string {
	asked := filter{team: s.team, selector: s.selector}
	text := "no workspace fits " + asked.words()
	if s.team == "" {
		return text
	}
	if teams := teamsOf(fleet); len(teams) > 0 {
		return text + "; there are the teams " + strings.Join(teams, ", ")
	}
	return text + "; there are no teams"
}

// teamsOf are the teams of a fleet.
func teamsOf(fleet []api.Workspace) (teams []string) {
	for _, ws := range fleet {
		if ws.Team != "" {
			teams = append(teams, ws.Team)
		}
	}
	slices.Sort(teams)
	return slices.Compact(teams)
}

// picked are the workspaces that the filter picks, worst first.
func (a *app) picked(ctx context.Context, f filter) ([]api.Workspace, error) {
	s, err := f.read()
	if err != nil {
		return nil, err
	}
	fleet, err := a.fleet(ctx, s.askedStatus())
	if err != nil {
		return nil, err
	}
	return s.pick(fleet)
}
