package main

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

func (a *app) logCommand() *cobra.Command {
	var asked logRequest
	cmd := workspaceCommand("log ID", "What its agent was told and said, and what else happened, in order",
		func(ctx context.Context, args []string) error {
			asked.id = args[0]
			return a.log(ctx, asked)
		})
	cmd.Flags().IntVar(&asked.limit, "limit", 50, "how many rows of each kind")
	cmd.Flags().BoolVarP(&asked.follow, "follow", "f", false, "keep printing new entries as they come")
	sinceVar(cmd, &asked.since)
	return cmd
}

// logRequest is which entries are asked for.
type logRequest struct {
	id     string
	limit  int
	follow bool
	since  age
}

// betweenLogs is the pause between two looks of who follows.
const betweenLogs = 2 * time.Second

// entry is a line of the log. Its kind is message, sent, attempt, end, answer, said, status or act.
type entry struct {
	At      time.Time `json:"at"`
	Kind    string    `json:"kind"`
	Message string    `json:"message_id,omitempty"`
	Who     string    `json:"who,omitempty"`
	Text    string    `json:"text"`
}

// log prints a workspace's log. With follow it goes on until it is interrupted.
func (a *app) log(ctx context.Context, asked logRequest) error {
	var known seenEntries
	var failed error // of the last read
	for first := true; ; first = false {
		entries, removed, err := a.readLog(ctx, asked)
		if first && removed {
			a.warn("%s is removed: what its agent was told and said of itself can't be read any more", asked.id)
		}
		switch {
		case asked.follow && ctx.Err() != nil:
			return nil // an interrupt is the normal end
		case err != nil && (!asked.follow || first || !temporary(err)):
			return err
		case err != nil && failed == nil:
			a.warnRetry(err)
		}
		failed = err
		if err == nil {
			known.begin(len(entries))
		}
		for _, e := range entries {
			if !known.note(e) {
				continue
			}
			if err := a.showLine(e, e.print); err != nil {
				return err
			}
		}
		if !asked.follow {
			if len(entries) == 0 {
				a.printf("%s\n", nothing(asked.since))
			}
			return nil
		}
		if !pause(ctx, betweenLogs) {
			return nil
		}
	}
}

// manyPrinted is how many entries are known to be printed, beside those of the last two reads.
const manyPrinted = 10_000

// seenEntries are the entries that are printed, by their digests: of many, only those that a read still has are kept.
// One that no read has any more does not come again: a read has the newest.
type seenEntries struct {
	known, before map[[sha256.Size]byte]bool
}

// begin says that a read of so many entries begins.
func (p *seenEntries) begin(entries int) {
	if p.known == nil || len(p.known)+entries > manyPrinted {
		p.known, p.before = map[[sha256.Size]byte]bool{}, p.known
	}
}

// note notes an entry of a read, and reports whether it was not printed yet.
func (p *seenEntries) note(e entry) bool {
	raw, _ := json.Marshal(e) // times and texts always marshal
	digest := sha256.Sum256(raw)
	had := p.known[digest] || p.before[digest]
	p.known[digest] = true
	return !had
}

// readLog reads the newest rows of each kind, and returns their entries, oldest first. Of a removed workspace those are
// its messages and its history.
func (a *app) readLog(ctx context.Context, asked logRequest) (out []entry, removed bool, _ error) {
	if asked.limit < 1 || asked.limit > maxPage {
		return nil, false, &outcome{exitUsage, fmt.Sprintf("--limit must be from 1 to %d", maxPage)}
	}
	path, limit := workspacePath(asked.id), url.Values{"limit": {strconv.Itoa(asked.limit)}}.Encode()
	var rows []api.ActivityRow
	var mail, history page
	for _, list := range []struct {
		of   string
		into any
	}{{"/activity", &rows}, {"/messages", &mail}, {"/history", &history}} {
		err := a.call(ctx, "GET", path+list.of+"?"+limit, nil, list.into)
		refused, ok := errors.AsType[*refusal](err)
		switch {
		case ok && refused.Code == string(fault.WorkspaceRemoved):
			removed = true
		case err != nil:
			return nil, false, err
		}
	}
	for _, row := range rows {
		out = append(out, rowEntry(row))
	}
	for _, r := range mail.Messages {
		out = append(out, receiptEntries(r)...)
	}
	for _, h := range history.History {
		out = append(out, historyEntry(h))
	}
	out = slices.DeleteFunc(out, func(e entry) bool { return !asked.since.holds(e.At, time.Now()) })
	slices.SortStableFunc(out, func(a, b entry) int { return a.At.Compare(b.At) })
	return out, removed, nil
}

// rowEntry is a message that the agent was told, or what it said or reported by itself.
func rowEntry(row api.ActivityRow) entry {
	e := entry{At: row.CreatedAt, Kind: "said", Text: row.Summary}
	switch {
	case row.Reported: // also one that it calls a message: nobody sent it
		e.Text = strings.TrimSpace(row.Type + ": " + row.Summary)
	case row.Type == "a2a_receive":
		e.Kind, e.Message, e.Who = "message", cmp.Or(row.MessageID, row.ID), workspace.Users
		if row.SourceID != nil && *row.SourceID != "" {
			e.Who = workspace.SenderName(*row.SourceID)
		}
		if row.Data != nil {
			e.Text = cmp.Or(row.Data.Text, e.Text)
		}
	case row.Type == "notify":
	default:
		e.Text = strings.TrimSpace(row.Type + ": " + row.Summary)
	}
	return e
}

// receiptEntries are who sent a message, if a person did, how it ended before it was redriven, its attempts, its end
// and its answer.
func receiptEntries(r api.Receipt) (out []entry) {
	if r.SentBy != "" {
		out = append(out, entry{At: r.AcceptedAt, Kind: "sent", Message: r.MessageID, Text: sentWords(r)})
	}
	if f := r.Former; f != nil {
		out = append(out, entry{At: f.SettledAt, Kind: "end", Message: r.MessageID, Text: formerEnd(f)},
			entry{At: f.RedrivenAt, Kind: "act", Message: r.MessageID, Text: "redriven " + redrivenWords(f)})
	}
	for _, t := range r.Attempts {
		out = append(out, entry{At: t.At, Kind: "attempt", Message: r.MessageID, Text: tryLine(t)})
	}
	if r.State.Open() {
		return out
	}
	end := entry{At: r.SettledAt, Kind: "end", Message: r.MessageID, Text: fmt.Sprintf("%s: %s", r.State, r.Reason)}
	if r.Probe {
		end.Text = "probe " + end.Text
	}
	out = append(out, end)
	for _, line := range answerWords(r) {
		out = append(out, entry{At: r.SettledAt, Kind: "answer", Message: r.MessageID, Text: line})
	}
	return out
}

// answerWords are what an agent answered: that its task isn't done, and its words.
func answerWords(r api.Receipt) (out []string) {
	for _, line := range answerLines(r) {
		if line[0] == "answer" {
			out = append(out, line[1])
		} else {
			out = append(out, line[0]+" "+line[1])
		}
	}
	return out
}

// historyEntry is a change of status, or what somebody did.
func historyEntry(h api.HistoryEntry) entry {
	e := entry{At: h.At, Kind: "act", Who: h.Who, Text: strings.TrimSpace(h.Action + "  " + h.Summary)}
	if h.Type == "status" {
		e.Kind, e.Text, e.Who = "status", h.Summary, ""
	}
	return e
}

func (e entry) print(w *printer) {
	text := e.Text
	if !slices.Contains([]string{"answer", "message", "said", "sent"}, e.Kind) { // those have people's and agents' words
		text = w.words(text)
	}
	if e.Who != "" {
		text = e.Who + ": " + text
	}
	head := fmt.Sprintf("%s  %-8s ", w.at(e.At), e.Kind)
	message := "(" + e.Message + ")" // whole: the commands about a message take it
	switch {
	case e.Message == "":
		w.hanging(head, text)
	case w.width == 0 || cellsOf(head)+cellsOf(message) <= w.width:
		w.hanging(head, text+"  "+message)
	default:
		w.hanging(head, text)
		fmt.Fprintln(w, continued(2*gap)+message)
	}
}
