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

// However many workspaces send to an inbox, at whatever pace, and in whatever order it is emptied: none of them is
// crowded out before they have all the places that users leave them, and then only one that has no mail there. So a few
// senders that are each refused what is beyond their shares have nothing told of the workspace.
func TestWhoHasItsShareIsNotCrowdedOut(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := chat.Policy{MaxOpen: rapid.Int64Range(4, 60).Draw(t, "max open")}
		senders := rapid.SampledFrom([][]string{
			{"a"}, {"a", "b"}, {"", "a", "b"}, {"a", "b", "c", "d"}, {"a", "b", "c", "d", "e", "f", "g", "h", "i"},
		}).Draw(t, "senders")
		open, total, workspaces := map[string]int64{}, int64(0), int64(0)
		for range rapid.IntRange(1, 200).Draw(t, "steps") {
			source := rapid.SampledFrom(senders).Draw(t, "sender")
			burst, change := rapid.Int64Range(1, 30).Draw(t, "messages"), int64(1)
			if rapid.IntRange(0, 3).Draw(t, "they end") == 0 {
				burst, change = min(burst, open[source]), -1
			}
			for range burst {
				if change > 0 && p.Crowded(total+1) && open[source] >= p.Share(source, open) {
					full := workspaces >= p.MaxOpen-max(p.MaxOpen/4, open[""])
					want := source == "" || full && open[source] == 0
					if p.CrowdedOut(source, open) != want {
						t.Fatalf("%q is crowded out: %t, of %d: %v", source, !want, p.MaxOpen, open)
					}
					break
				}
				if open[source], total = open[source]+change, total+change; source != "" {
					workspaces += change
				}
			}
		}
	})
}

func TestCrowdedOut(t *testing.T) {
	p := chat.Policy{MaxOpen: 1000}
	for name, c := range map[string]struct {
		source string
		open   map[string]int64
		want   bool
	}{
		"a user":                           {"", map[string]int64{"": 500}, true},
		"a flooder":                        {"a", map[string]int64{"a": 500}, false},
		"two of the same size":             {"b", map[string]int64{"a": 250, "b": 250}, false},
		"the one that came later":          {"b", map[string]int64{"a": 500, "b": 125}, false},
		"the one that came first":          {"a", map[string]int64{"a": 500, "b": 125}, false},
		"users have more than a quarter":   {"a", map[string]int64{"": 400, "a": 300}, false},
		"one that has none, with no place": {"c", map[string]int64{"a": 500, "b": 250}, true},
		"one that has less than its share, as calls that were cut off hold places": {
			"b", map[string]int64{"a": 200, "b": 200}, true,
		},
	} {
		if got := p.CrowdedOut(c.source, c.open); got != c.want {
			t.Errorf("%s: %t, not %t", name, got, c.want)
		}
	}
}
