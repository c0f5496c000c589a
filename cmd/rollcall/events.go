package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
)

// newestEvents is the value of a --since that is not given: print the newest page.
const newestEvents = -1

func (a *app) eventsCommand() *cobra.Command {
	var since int64
	var follow bool
	cmd := &cobra.Command{
		Use:   "events",
		Short: "The changes of status of all workspaces, in order",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if !cmd.Flags().Changed("since") {
				since = newestEvents
			}
			return a.events(cmd.Context(), since, follow)
		},
	}
	cmd.Flags().Int64Var(&since, "since", 0, "only changes after this number (without it: the newest)")
	cmd.Flags().BoolVarP(&follow, "follow", "f", false, "keep printing new ones as they come")
	return cmd
}

// events prints the fleet's log after the number since. With follow it goes on
// until it is interrupted.
func (a *app) events(ctx context.Context, since int64, follow bool) error {
	var failed error               // of the last read
	whole := since >= 0 && !follow // all after a number: a page may end early, before a change that is no longer kept
	for first := true; ; first = false {
		read, err := a.readEvents(ctx, since, follow)
		switch {
		case follow && ctx.Err() != nil:
			return nil // an interrupt is the normal end
		case err != nil && (!follow || first || !temporary(err)):
			return err
		case err != nil && failed == nil:
			a.warnRetry(err)
		}
		asked := since
		if failed = err; err == nil {
			since = read.Next
		}
		if first && !follow && len(read.Events) == 0 {
			a.printf("%s\n", noChanges(asked))
		}
		for _, c := range read.Events {
			if err := a.showEvent(c); err != nil {
				return err
			}
		}
		if n := len(read.Events); n == maxPage || n > 0 && whole {
			continue // there is more already, or may be
		}
		if !follow || !pause(ctx, betweenEvents(failed)) {
			return nil
		}
	}
}

// noChanges says that there are no changes after a number, or none at all.
func noChanges(since int64) string {
	if since <= 0 {
		return "nothing yet"
	}
	return fmt.Sprintf("nothing after %d", since)
}

// betweenEvents is the pause before the next read of who follows. The read itself waits
// for a change; the pause bounds how often a platform is asked that answers at once.
func betweenEvents(failed error) time.Duration {
	if failed != nil {
		return 2 * time.Second
	}
	return 500 * time.Millisecond
}

// readEvents reads one page. With wait, the platform answers when there is something after since.
func (a *app) readEvents(ctx context.Context, since int64, wait bool) (api.Events, error) {
	query := "limit=" + strconv.Itoa(maxPage)
	if since >= 0 {
		query += "&since=" + strconv.FormatInt(since, 10)
	}
	if wait && since >= 0 {
		return a.awaitEvents(ctx, query, longestWait)
	}
	return a.eventsPage(ctx, query)
}

// eventsPage reads one page of the log.
func (a *app) eventsPage(ctx context.Context, query string) (p api.Events, err error) {
	err = a.call(ctx, "GET", "/events?"+query, nil, &p)
	return p, err
}

// awaitEvents is eventsPage when there is something to read, or after wait. Where as many calls of this person wait as
// may, it waits itself for a while.
func (a *app) awaitEvents(ctx context.Context, query string, wait time.Duration) (api.Events, error) {
	read, err := a.eventsPage(ctx, fmt.Sprintf("%s&wait=%d", query, int(wait.Seconds())))
	if refused, ok := errors.AsType[*refusal](err); ok && refused.Code == string(fault.TooManyWaits) {
		pause(ctx, min(wait, time.Duration(refused.RetryAfter)*time.Second))
		return a.eventsPage(ctx, query)
	}
	return read, err
}

// showEvent prints one change of status.
func (a *app) showEvent(c api.Change) error {
	return a.showLine(c, func(w *printer) { printEvent(w, c) })
}

func printEvent(w *printer, c api.Change) {
	from := "nothing"
	if c.From != nil {
		from = string(c.From.Status)
	}
	w.hanging(fmt.Sprintf("%6d  ", c.Seq),
		fmt.Sprintf("%s  %s  %s → %s (%s)", w.at(c.At), c.Workspace, from, c.To.Status, c.To.Reason))
}
