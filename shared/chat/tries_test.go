package chat_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

var (
	allFailed  = regexp.MustCompile(`\ball (\d+) tries failed`)
	someFailed = regexp.MustCompile(`\b(\d+) of (\d+) tries failed`)
	oneFailed  = regexp.MustCompile(`^attempt (\d+) of (\d+) failed`)
)

// Whatever became of the tries at a message, the numbers in its reason are those of its receipt: how many tries there
// were, and how many of them failed; and of attempts, how many are used up.
func TestAReasonCountsAsItsReceiptDoes(t *testing.T) {
	failures := map[chat.Outcome]bool{
		chat.Failed: true, chat.FailedAlone: true, chat.HostGone: true, chat.Lost: true, chat.Refused: true,
		chat.Unreachable: true,
	}
	said := map[string]int{}
	rapid.Check(t, func(t *rapid.T) {
		m, now, tries, failed := queued(1), t0, 0, 0
		for range rapid.IntRange(1, 30).Draw(t, "tries") {
			now = now.Add(p.AsideFor + time.Second)
			passed := rapid.SampledFrom([]time.Time{never, now.Add(-time.Second)}).Draw(t, "another passed")
			if m = taken(m, now); m.State != chat.InFlight {
				break
			}
			tries++
			switch rapid.SampledFrom([]string{"fail", "miss", "defer", "recall", "alone"}).Draw(t, "comes to") {
			case "fail":
				m = m.Fail("boom", p, passed, 1, now)
			case "miss":
				m = m.Miss("nothing")
			case "defer":
				m = m.Defer()
			case "recall":
				m = m.Recall(false)
			case "alone":
				m = m.FailAlone("nothing", p, passed, 1, now)
			}
			if last := m.Attempts[len(m.Attempts)-1]; failures[last.Outcome] {
				failed++
			}
			used := 0
			for _, a := range m.Attempts {
				if failures[a.Outcome] && a.Outcome != chat.Unreachable {
					used++
				}
			}
			for of, want := range map[*regexp.Regexp][]int{
				allFailed: {failed}, someFailed: {failed, tries}, oneFailed: {used, p.MaxAttempts},
			} {
				said1 := of.FindStringSubmatch(m.Reason)
				if said1 == nil {
					continue
				}
				said[of.String()]++
				if of == allFailed && failed != tries || m.Tries() != tries {
					t.Fatalf("%d of %d failed: %s", failed, tries, m.Reason)
				}
				for i, n := range want {
					if said1[i+1] != strconv.Itoa(n) {
						t.Fatalf("%d of %d failed, %d used up: %s", failed, tries, used, m.Reason)
					}
				}
			}
			if m.State != chat.Queued {
				break
			}
		}
	})
	if len(said) != 3 {
		t.Errorf("said: %s", fmt.Sprint(said))
	}
}
