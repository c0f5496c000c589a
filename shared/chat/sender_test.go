package chat_test

import (
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

// However a message is tried, its sender reads no word of what stood between the platform and the agent. Who may
// operate reads the words of the last attempt in the reason, and those of all in the attempts.
func TestASenderReadsNoWordOfTheNetwork(t *testing.T) {
	const words, said = "dial tcp: no such host", "the agent's own words"
	rapid.Check(t, func(rt *rapid.T) {
		m, now := queued(1), t0
		for range rapid.IntRange(1, 12).Draw(rt, "attempts") {
			now = now.Add(2 * p.AsideFor)
			passedAt := rapid.SampledFrom([]time.Time{never, now}).Draw(rt, "passed at")
			m = m.Take(chat.ByPush, claim(now.Add(p.VisibilityTimeout)), p, passedAt, now)
			network := false
			switch rapid.IntRange(0, 6).Draw(rt, "outcome") {
			case 0:
				m, network = m.Miss(words), true
			case 1:
				m, network = m.FailAlone(words, p, passedAt, 1, now), true
			case 2:
				m = m.Fail(said, p, passedAt, 1, now)
			case 3:
				m = m.Defer()
			case 4:
				m, network = m.Leave(words), true
			case 5:
				m, network = m.LeaveAgain(words, p, passedAt, now), true
			default:
				m = m.Recall(false)
			}
			for _, a := range m.ForSender() {
				if strings.Contains(m.Reason+a.Error, words) || (a.Outcome == chat.Unreachable && a.Error == "") {
					rt.Fatalf("its sender reads %q, %+v", m.Reason, a)
				}
			}
			if strings.Contains(m.FullReason(), words) != network || (!network && m.FullReason() != m.Reason) {
				rt.Fatalf("an operator reads %q", m.FullReason())
			}
			if !m.State.Open() {
				return
			}
		}
	})
}

// A sender's URL that can't be reached is told to its sender as that; what it answered, in words.
func TestASenderReadsWhatItsURLAnswered(t *testing.T) {
	for _, c := range []struct {
		unreached bool
		want      string
	}{{true, "the URL could not be reached"}, {false, "it answered HTTP 500"}} {
		told := chat.Told{Tries: 1}.Tried("it answered HTTP 500", c.unreached)
		if told.ForSender() != c.want || told.Error == "" || told.Done {
			t.Errorf("%+v: %q", told, told.ForSender())
		}
	}
}
