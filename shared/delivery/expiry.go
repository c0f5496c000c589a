package delivery

import (
	"slices"
	"time"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// Why a message expired. That its sender gave it too little time is said only of one whose agent is known to take mail,
// or to be at other work: by what it did since the message was accepted, and not by a lease that still runs.

// expiry is why a message expired.
type expiry struct {
	wish string // what shows that it is its sender's doing; "" when the message is lost
	// awaited is that no call of the agent has shown yet whether it takes mail: its next one says, or that it is missed.
	awaited bool
}

const takesMail = "the agent takes mail"

// judge is why a message expired, or would. It is no loss of the workspace when its sender gave it little time, no push
// of it failed, nothing is wrong with the workspace, and the agent has shown so since: by such messages, a sender could
// have any workspace shown as one that loses mail. An agent that polls can show it by a poll alone.
func (d *Delivery) judge(f workspace.Facts, m chat.Message, now time.Time) expiry {
	since := m.WaitsSince()
	fetched := slices.ContainsFunc(m.Attempts, func(a chat.Attempt) bool { return a.Via == chat.ByPoll })
	busy := slices.ContainsFunc(m.Attempts, func(a chat.Attempt) bool {
		return a.Via == chat.ByPush && a.Outcome == chat.AgentBusy
	})
	restarted := f.RegisteredAt.After(m.ExpiresAt) // what it did since says nothing of the time that the message had
	polled := f.PolledAt.After(since) && (!restarted || f.PolledAt.Before(f.RegisteredAt))
	short := m.ExpiresAt.Sub(m.AcceptedAt) < d.Policy.Lifetime
	switch {
	case !short || m.Probe || m.PushFailed() || !d.well(f, now):
		return expiry{}
	case busy:
		return expiry{wish: "the agent said that it was busy"}
	case fetched || polled || f.ReachedAt.After(since):
		return expiry{wish: takesMail}
	case !restarted && !f.AtWorkSince.IsZero() && f.ActiveAt.After(since):
		return expiry{wish: "the agent is at work"}
	case f.Mode(d.Registry.Policy, now) == workspace.Poll:
		return expiry{awaited: !restarted}
	default:
		return expiry{wish: "its turn had not come"}
	}
}

// judgeAtPoll is judge at a poll of the agent, which shows that it takes mail.
func (d *Delivery) judgeAtPoll(f workspace.Facts, m chat.Message, now time.Time) expiry {
	if why := d.judge(f, m, now); !why.awaited {
		return why
	}
	return expiry{wish: takesMail}
}

// expired is a message after its time is up, and what that does to its mailbox. Where it must end before anything shows
// that its agent takes mail, it is lost.
func (d *Delivery) expired(
	f workspace.Facts, m chat.Message, why expiry, now time.Time,
) (chat.Message, MailboxUpdate) {
	if why.wish != "" {
		return m.ExpireByWish(why.wish, now), MailboxUpdate{}
	}
	ended := m.Expire(now)
	return ended, d.lost(f, ended, now)
}
