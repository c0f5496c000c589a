package chat_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

var handing = chat.HandingOut{Objective: time.Minute, AsideFor: time.Minute}

// fetchedMail draws mail that polls of several hosts may have been handed, in any of its states; epoch is the present
// host's.
func fetchedMail(t *rapid.T, now time.Time, epoch int64) (mail []chat.Message) {
	for i := range rapid.IntRange(0, 6).Draw(t, "messages") {
		m := queued(int64(i + 1))
		m.ID = fmt.Sprint("m", m.Seq)
		at := now.Add(-time.Duration(rapid.IntRange(0, 600).Draw(t, "first, seconds ago")) * time.Second)
		for range rapid.IntRange(0, 4).Draw(t, "times") {
			claim := chat.Claim{
				Token: rapid.SampledFrom([]string{chat.PageClaim, chat.PageClaim, chat.AloneClaim}).Draw(t, "as"),
				Until: at.Add(time.Minute), Epoch: rapid.Int64Range(1, epoch).Draw(t, "epoch"),
			}
			m = m.Take(chat.ByPoll, claim, p, never, at)
			at = at.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "seconds later")) * time.Second)
			if at.After(now) {
				break
			}
		}
		if m.State == chat.InFlight {
			switch rapid.SampledFrom([]string{"out", "out", "aside", "back"}).Draw(t, "is") {
			case "aside":
				m = m.PutAside(handing, chat.Host{Epoch: m.Claim.Epoch}, m.Attempts[len(m.Attempts)-1].At)
			case "back":
				m = m.TakeBack()
			}
		}
		mail = append(mail, m)
	}
	return mail
}

// Whatever polls were handed before: what goes alone goes alone; what was set aside is in no page; nothing is handed
// out behind a message that it would acknowledge, and that is not handed out itself; and while nothing was handed out
// in vain, a page is all there is.
func TestTurnsOfAPoll(t *testing.T) {
	seen := map[string]bool{}
	rapid.Check(t, func(t *rapid.T) {
		now, host := t0.Add(time.Hour), chat.Host{Epoch: 2}
		mail := fetchedMail(t, now, host.Epoch)
		turns := handing.Turns(mail, host, now)
		var alone, page, ends int
		last, inVain := -1, false
		for i, m := range mail {
			switch turns[m.ID] {
			case chat.Alone:
				alone, last = alone+1, i
			case chat.InPage:
				page, last = page+1, i
				if m.LeftAside() {
					t.Fatalf("%s was set aside, and is in a page: %v", m.ID, turns)
				}
			case chat.PutAside:
				ends++
			}
			inVain = inVain || m.LeftAside() || m.OutAlone() || handing.Unacknowledged(m, now)
		}
		if alone > 1 || alone == 1 && page > 0 {
			t.Fatalf("alone with others: %v", turns)
		}
		for _, m := range mail[:last+1] {
			if turns[m.ID] == chat.NextTime && m.Fetched() {
				t.Fatalf("%s is acknowledged by what is handed out behind it: %v", m.ID, turns)
			}
		}
		if !inVain && page != len(mail) {
			t.Fatalf("a page of %d: %v", len(mail), turns)
		}
		waits := slices.ContainsFunc(mail, func(m chat.Message) bool {
			return turns[m.ID] != chat.PutAside && !(m.LeftAside() && m.Aside(host.Epoch, now))
		})
		if waits && page+alone == 0 {
			t.Fatalf("nothing is handed out: %v", turns)
		}
		for what, is := range map[string]bool{
			"alone": alone > 0, "page": page > 0, "put aside": ends > 0, "in vain": inVain,
		} {
			seen[what] = seen[what] || is
		}
	})
	if len(seen) != 4 || !seen["alone"] || !seen["page"] || !seen["put aside"] || !seen["in vain"] {
		t.Fatalf("only %v was seen", seen)
	}
}

// A message that is never acknowledged is set aside for longer and longer, up to a quarter of an hour; a newer host
// gets it at once, unless the one before went away with it.
func TestAMessageThatIsNotAcknowledgedIsSetAside(t *testing.T) {
	m, now := queued(1), t0
	for range 60 {
		m = m.Take(chat.ByPoll, chat.Claim{Token: chat.AloneClaim, Until: now.Add(time.Minute), Epoch: 1}, p, never, now)
		now = now.Add(15 * time.Second)
		m = m.PutAside(handing, chat.Host{Epoch: 1}, now)
		if !m.Aside(1, now) || m.Aside(2, now) || !m.LeftAside() {
			t.Fatalf("%+v", m)
		}
		now = m.NotBefore
	}
	times, since := m.Handed()
	if aside := m.NotBefore.Sub(m.Attempts[len(m.Attempts)-1].At); times != 60 || !since.Equal(t0) ||
		aside != 15*time.Minute+15*time.Second {
		t.Fatalf("%d times since %s, aside for %s", times, since, aside)
	}
	m = m.Take(chat.ByPoll, chat.Claim{Token: chat.AloneClaim, Epoch: 1}, p, never, now)
	if m = m.PutAside(handing, chat.Host{Epoch: 2}, now); !m.Aside(2, now) || !m.Aside(3, now) {
		t.Fatalf("the host before went away with it: %+v", m)
	}
	if ended := m.Expire(m.ExpiresAt); !strings.Contains(ended.Reason, "the agent was handed it 61 times since "+
		t0.UTC().Format(time.RFC3339)) {
		t.Fatalf("it ends for %q", ended.Reason)
	}
	m = m.Deliver("done", nil, "", now)
	if last := m.Attempts[len(m.Attempts)-1]; last.Outcome != chat.Succeeded {
		t.Fatalf("its agent was at work on it: %+v", last)
	}
}
