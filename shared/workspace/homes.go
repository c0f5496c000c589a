package workspace

import (
	"encoding/base64"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// An agent may leave by several addresses. Those from which it was accepted lately are its own: a refused attempt from
// one of them is taken for its own. They are kept as a text of entries "address=hour", newest first, each with a space
// before it, so that a store can ask whether one is there. A network address is its bytes in base64, as every heartbeat
// writes the text; what is none has a "!" before it.

// homesKept is how many addresses are kept; homeFor is for how long one is the agent's after it was noted, and
// homeRenewed how old its note may be before it is noted anew.
const (
	homesKept   = 4
	homeFor     = 24 * time.Hour
	homeRenewed = 6 * time.Hour
)

// HomeEntry is what Homes has in it when the address is one of the agent's.
func HomeEntry(address string) string { return " " + short(address) + "=" }

// notShort marks a text in Homes that is no network address.
const notShort = "!"

func short(address string) string {
	if a, err := netip.ParseAddr(address); err == nil && a.String() == address && a.Zone() == "" {
		return base64.RawURLEncoding.EncodeToString(a.AsSlice())
	}
	return notShort + address
}

// long is short's inverse.
func long(text string) string {
	if address, marked := strings.CutPrefix(text, notShort); marked {
		return address
	}
	raw, _ := base64.RawURLEncoding.DecodeString(text) // written by short
	a, _ := netip.AddrFromSlice(raw)
	return a.String()
}

// home is an entry of Homes.
type home struct {
	address string
	at      time.Time
}

func parseHomes(text string) (homes []home) {
	for entry := range strings.FieldsSeq(text) {
		address, hour, _ := strings.Cut(entry, "=")
		hours, err := strconv.ParseInt(hour, 36, 64)
		if err == nil {
			homes = append(homes, home{long(address), time.Unix(hours*3600, 0).UTC()})
		}
	}
	return homes
}

// NoteHome is Homes after an accepted call from an address. It stays as it is while the address has a fresh note.
func NoteHome(text, address string, now time.Time) string {
	homes := parseHomes(text)
	if address == "" || slices.ContainsFunc(homes, func(h home) bool {
		return h.address == address && now.Sub(h.at) < homeRenewed
	}) {
		return text
	}
	homes = slices.DeleteFunc(homes, func(h home) bool { return h.address == address || now.Sub(h.at) >= homeFor })
	homes = append([]home{{address, now}}, homes...)
	var b strings.Builder
	for _, h := range homes[:min(len(homes), homesKept)] {
		b.WriteString(HomeEntry(h.address) + strconv.FormatInt(h.at.Unix()/3600, 36))
	}
	return b.String()
}

// movesNotedEvery is the least time between two notes that an agent calls from an address that is new: one that leaves
// by many addresses in turn must not fill its audit trail.
const movesNotedEvery = 15 * time.Minute

// noteFirst notes a call as new when it is the first of all.
func (f Facts) noteFirst(now time.Time) Facts {
	if f.LastSignal().IsZero() && f.SeenFrom == "" && f.Homes == "" {
		f.MovedAt = now
	}
	return f
}

// noteMove notes that the agent calls from an address that is not among its addresses of late.
func (f Facts) noteMove(from string, now time.Time) Facts {
	called := f.SeenFrom != "" || f.Homes != ""
	isNew := called && from != "" && f.SeenFrom != from && !strings.Contains(f.Homes, HomeEntry(from))
	// With one address there was no move yet: what was noted is the first call.
	if isNew && (now.Sub(f.MovedAt) >= movesNotedEvery || len(parseHomes(f.Homes)) < 2) {
		f.MovedAt = now
	}
	return f
}

// MovedNow reports whether the call that was accepted at this time came from an address that is new, and is to be
// noted. Stores keep times to the millisecond.
func (f *Facts) MovedNow(now time.Time) bool {
	return !f.MovedAt.Before(now.Truncate(time.Millisecond))
}

// FirstCallNow reports whether the call that was accepted at this time, which was no register, is the first of all. A
// later one that is noted has another address beside its own, or ended a silence in which the others were forgotten.
func (f *Facts) FirstCallNow(now time.Time) bool {
	return f.MovedNow(now) && f.RecoveredAt.IsZero() && f.RegisteredAt.IsZero() && len(parseHomes(f.Homes)) == 1
}

// MovedWords says from where the agent calls now, and from where it did before.
func (f *Facts) MovedWords(now time.Time) string {
	before := strings.Join(f.otherHomes(now), ", ")
	if before == "" {
		before = "elsewhere"
	}
	return "its calls come from " + f.SeenFrom + " now, and came from " + before + " before"
}

// AtHome reports whether an address is one from which this agent was accepted lately.
func (f *Facts) AtHome(address string, now time.Time) bool {
	if address != "" && address == f.SeenFrom {
		return true
	}
	return slices.ContainsFunc(parseHomes(f.Homes), func(h home) bool {
		return h.address == address && now.Sub(h.at) < homeFor
	})
}

// distrusted reports whether an operator revoked the credentials, and no call was accepted since: any address from
// which one was accepted before may be a thief's.
func (f *Facts) distrusted() bool { return f.SeenFrom == "" && !f.LastSignal().IsZero() }

// seenLatelyWords lists the addresses from which calls were accepted lately, and when; "" for none.
func (f *Facts) seenLatelyWords(now time.Time) string {
	var seen []string
	for _, h := range parseHomes(f.Homes) {
		if now.Sub(h.at) < homeFor {
			seen = append(seen, fmt.Sprintf("%s (noted in the hour of %s)", h.address, stamp(h.at)))
		}
	}
	if len(seen) == 0 {
		return ""
	}
	return "; calls were accepted lately from " + strings.Join(seen, ", ")
}

// otherHomes are the addresses of the agent beside the one it was last seen at.
func (f *Facts) otherHomes(now time.Time) (addresses []string) {
	for _, h := range parseHomes(f.Homes) {
		if h.address != f.SeenFrom && now.Sub(h.at) < homeFor {
			addresses = append(addresses, h.address)
		}
	}
	return addresses
}
