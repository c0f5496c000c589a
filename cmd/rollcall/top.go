package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) topCommand() *cobra.Command {
	var every time.Duration
	var only filter
	cmd := &cobra.Command{
		Use:   "top",
		Short: "The fleet, worst first, drawn again and again until Ctrl-C",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			file, ok := terminalOf(a.out.to)
			if !ok {
				return &outcome{exitUsage, "top draws on a terminal; rollcall watch prints changes anywhere"}
			}
			a.attended = false // it draws on the terminal
			return a.top(cmd.Context(), only, every, func() (int, error) {
				_, height, err := term.GetSize(int(file.Fd()))
				return height, err
			})
		},
	}
	only.flags(a, cmd)
	every = 5 * time.Second
	positiveVar(cmd, &every, "every", "how often what is on the screen is read, such as 10s")
	return cmd
}

// clearScreen moves to the first line of a terminal and clears what follows.
const clearScreen = "\x1b[H\x1b[J"

// top draws the fleet until it is interrupted. What can't be read anew stays, with why.
func (a *app) top(ctx context.Context, only filter, every time.Duration, height func() (int, error)) error {
	sieve, err := only.read()
	if err != nil {
		return err
	}
	l := &live{app: a, status: sieve.askedStatus(), anew: fleetAnew, wait: every}
	for first := true; ; first = false {
		err := l.refresh(ctx)
		switch {
		case ctx.Err() != nil:
			return nil // an interrupt is the normal end
		case err != nil && (first || !temporary(err)):
			return err
		}
		fleet, nobody := sieve.pick(l.list())
		if nobody != nil && first {
			return nobody
		}
		lines, sizeErr := height()
		if sizeErr != nil {
			return sizeErr
		}
		l.shown = idsOf(fleet[:min(len(fleet), max(lines, 0), api.MaxIDs)])
		w := a.printer()
		if _, err := io.WriteString(a.out, clearScreen+drawn(*w, fleet, lines, err)); err != nil {
			return err
		}
		if !pause(ctx, min(every, betweenEvents(err))) {
			return nil
		}
	}
}

func idsOf(fleet []api.Workspace) (ids []string) {
	for _, ws := range fleet {
		ids = append(ids, ws.ID)
	}
	return ids
}

// drawn is a screen of so many lines: a line of counts, and as much of the fleet as has room.
func drawn(w printer, fleet []api.Workspace, height int, failed error) string {
	var screen bytes.Buffer
	w.Writer = &screen
	w.lines(headline(&w, fleet, failed))
	fleetTable(&w, fleet)
	lines := strings.SplitAfter(strings.TrimSuffix(screen.String(), "\n"), "\n")
	if height > 2 && len(lines) > height {
		rest := fmt.Sprintf("… and %d lines more", len(lines)-height+1)
		return strings.Join(lines[:height-1], "") + rest
	}
	return strings.Join(lines, "")
}

// headline is the time and how many workspaces have each status.
func headline(w *printer, fleet []api.Workspace, failed error) string {
	counts := map[workspace.Status]int{}
	for _, ws := range fleet {
		counts[ws.Status]++
	}
	parts := []string{w.absolute(w.now), count(len(fleet), "workspace")}
	for _, status := range workspace.Status("").Choices() {
		if n := counts[workspace.Status(status)]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", n, status))
		}
	}
	if failed != nil {
		parts = append(parts, "old: "+failed.Error())
	}
	return strings.Join(parts, "  ")
}
