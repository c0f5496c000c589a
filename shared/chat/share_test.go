package chat_test

import (
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/chat"
)

// However senders flood an inbox: its users have a quarter of it, and a workspace
// without mail has a place in the rest as long as there is one.
func TestNoSendersFillAnInboxForOthers(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := chat.Policy{MaxOpen: rapid.Int64Range(1, 40).Draw(t, "max open")}
		senders := []string{"", "a", "b", "c", "d"}
		open, total, workspaces := map[string]int64{}, int64(0), int64(0)
		takes := func(source string) bool {
			return total < p.MaxOpen && (!p.Crowded(total+1) || open[source] < p.Share(source, open))
		}
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			source := rapid.SampledFrom(senders).Draw(t, "sender")
			change := int64(0)
			switch {
			case rapid.IntRange(0, 3).Draw(t, "an end") == 0 && open[source] > 0:
				change = -1
			case takes(source):
				change = 1
			}
			open[source], total = open[source]+change, total+change
			if source != "" {
				workspaces += change
			}
			if quarter := p.MaxOpen / 4; open[""] < quarter && !takes("") || workspaces > p.MaxOpen-quarter {
				t.Fatalf("workspaces take the users' quarter of %d: %v", p.MaxOpen, open)
			}
			newcomer := takes("newcomer")
			if room := total < p.MaxOpen && workspaces < p.MaxOpen-p.MaxOpen/4; newcomer != room {
				t.Fatalf("a newcomer is taken: %v; there is room: %v; of %d: %v", newcomer, room, p.MaxOpen, open)
			}
		}
	})
}

func TestShare(t *testing.T) {
	p := chat.Policy{MaxOpen: 1000}
	for name, c := range map[string]struct {
		source string
		open   map[string]int64
		want   int64
	}{
		"a user alone":                {"", map[string]int64{"": 500}, 500},
		"a user beside a workspace":   {"", map[string]int64{"a": 400}, 300},
		"a user's quarter":            {"", map[string]int64{"a": 500, "b": 250}, 250},
		"a workspace alone":           {"a", map[string]int64{"a": 500}, 375},
		"the next workspace":          {"b", map[string]int64{"a": 500}, 125},
		"two, of the same size":       {"b", map[string]int64{"a": 250, "b": 250}, 250},
		"a workspace beside a user":   {"a", map[string]int64{"": 500}, 250},
		"users with less":             {"a", map[string]int64{"": 100}, 375},
		"the last place":              {"c", map[string]int64{"a": 500, "b": 249}, 1},
		"none is left for workspaces": {"c", map[string]int64{"a": 500, "b": 250}, 0},
		"none is left":                {"c", map[string]int64{"": 500, "a": 500}, 0},
	} {
		if got := p.Share(c.source, c.open); got != c.want {
			t.Errorf("%s: %d, not %d", name, got, c.want)
		}
	}
}
