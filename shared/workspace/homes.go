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
// one of them is taken for its own. They are kept as a text, which is short, as every heartbeat writes it, and in which
// a store can ask whether an address is there. It begins with the hour of the newest note, in base 36, and goes on with
// an entry for each address: a mark, the address, and how many hours before the newest note its own was, in one digit
// of base 36. A new address comes first, and keeps its place when it is noted again: the last is the one that is known
// longest. A network address is its bytes in base64. The mark says how long that is, so that no address is found in
// another one; what is no network address ends with endOfText.

// The marks of the entries.
const (
	mark4     = " " // four bytes
	mark16    = ":"
	markText  = "!"
	endOfText = "="
)

// base64Of is how many characters so many bytes take.
var base64Of = base64.RawURLEncoding.EncodedLen

// An address that there is no room for is dropped. The hour of the newest note that was dropped stands behind the hour
// at the beginning, after markDropped: how many hours before that, as in an entry.
const markDropped = "-"

// homesKept is how many addresses are kept; homeFor is for how long one is the agent's after it was noted, and
// homeRenewed how old its note may be before it is noted anew.
const (
	homesKept   = 4
	homeFor     = 24 * time.Hour
	homeRenewed = 6 * time.Hour
)

// HomeEntry is what Homes has in it when the address is one of the agent's.
func HomeEntry(address string) string {
	a, err := netip.ParseAddr(address)
	switch {
	case err != nil || a.String() != address || a.Zone() != "":
		return markText + address + endOfText
	case a.Is4():
		return mark4 + base64.RawURLEncoding.EncodeToString(a.AsSlice())
	}
	return mark16 + base64.RawURLEncoding.EncodeToString(a.AsSlice())
}

// cutHome cuts the address of the first entry off a text that begins with one.
func cutHome(text string) (address, rest string, found bool) {
	n := base64Of(4)
	switch {
	case strings.HasPrefix(text, markText):
		return strings.Cut(text[len(markText):], endOfText)
	case strings.HasPrefix(text, mark16):
		n = base64Of(16)
	case !strings.HasPrefix(text, mark4):
		return "", "", false
	}
	if len(text) <= n {
		return "", "", false
	}
	raw, err := base64.RawURLEncoding.DecodeString(text[1 : 1+n])
	a, _ := netip.AddrFromSlice(raw)
	return a.String(), text[1+n:], err == nil
}

// home is an entry of Homes.
type home struct {
	address string
	at      time.Time
}

// hoursKept is the largest age that an entry can say, in hours.
const hoursKept = 35

func parseHomes(text string) (homes []home) {
	homes, _ = parseAllHomes(text)
	return homes
}

// parseAllHomes is parseHomes, and when the last address that was dropped was noted; zero: none was dropped.
func parseAllHomes(text string) (homes []home, dropped time.Time) {
	n := strings.IndexAny(text, mark4+mark16+markText)
	if n < 0 {
		return nil, time.Time{}
	}
	hour, ago, some := strings.Cut(text[:n], markDropped)
	newest, err := strconv.ParseInt(hour, 36, 64)
	if age, wrong := strconv.ParseInt(ago, 36, 64); some && wrong == nil {
		dropped = hourAt(newest - age)
	}
	for text = text[n:]; err == nil && text != ""; {
		address, rest, found := cutHome(text)
		if !found || rest == "" {
			break
		}
		var age int64
		age, err = strconv.ParseInt(rest[:1], 36, 64)
		homes, text = append(homes, home{address, hourAt(newest - age)}), rest[1:]
	}
	return homes, dropped
}

// hourAt is when an hour since 1970 begins.
func hourAt(hour int64) time.Time { return time.Unix(hour*3600, 0).UTC() }

func writeHomes(homes []home, dropped time.Time) string {
	var newest int64
	for _, h := range homes {
		newest = max(newest, h.at.Unix()/3600)
	}
	var b strings.Builder
	b.WriteString(strconv.FormatInt(newest, 36))
	if !dropped.IsZero() {
		b.WriteString(markDropped + strconv.FormatInt(min(newest-dropped.Unix()/3600, hoursKept), 36))
	}
	for _, h := range homes {
		age := min(newest-h.at.Unix()/3600, hoursKept)
		b.WriteString(HomeEntry(h.address) + strconv.FormatInt(age, 36))
	}
	return b.String()
}

// NoteHome is Homes after an accepted call from an address. It stays as it is while the address has a fresh note.
//
// Where there is no room, the address that is known longest stays, or a thief could push the agent's own out by calls
// from others. That one was dropped is noted: for a day, the list is incomplete.
func NoteHome(text, address string, now time.Time) string {
	homes, dropped := parseAllHomes(text)
	if address == "" || slices.ContainsFunc(homes, func(h home) bool {
		return h.address == address && now.Sub(h.at) < homeRenewed
	}) {
		return text
	}
	homes = slices.DeleteFunc(homes, func(h home) bool { return now.Sub(h.at) >= homeFor })
	if known := slices.IndexFunc(homes, func(h home) bool { return h.address == address }); known >= 0 {
		homes[known].at = now
	} else {
		homes = append([]home{{address, now}}, homes...)
	}
	if now.Sub(dropped) >= homeFor {
		dropped = time.Time{}
	}
	for len(homes) > homesKept {
		out := len(homes) - 2
		dropped = latest(dropped, homes[out].at)
		homes = slices.Delete(homes, out, out+1)
	}
	return writeHomes(homes, dropped)
}

// forgetHome is Homes without an address.
func forgetHome(text, address string) string {
	homes, dropped := parseAllHomes(text)
	return writeHomes(slices.DeleteFunc(homes, func(h home) bool { return h.address == address }), dropped)
}

// homesIncomplete reports whether an address from which calls were accepted lately was dropped.
func (f *Facts) homesIncomplete(now time.Time) bool {
	_, dropped := parseAllHomes(f.Homes)
	return now.Sub(dropped) < homeFor
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

// TrustOnly is the facts after an operator named the address that the agent calls from: no other is the agent's until
// a call from there is accepted.
func TrustOnly(f Facts, address string, now time.Time) Facts {
	if !f.LastSignal().IsZero() {
		f.SeenFrom, f.Homes = address, NoteHome("", address, now)
	}
	return f
}

// distrusted reports whether an operator revoked the credentials, and no call was accepted since: any address from
// which one was accepted before may be a thief's.
func (f *Facts) distrusted() bool { return f.SeenFrom == "" && !f.LastSignal().IsZero() }

// seenLatelyWords lists the addresses from which calls were accepted lately, and when; "" for none.
func (f *Facts) seenLatelyWords(now time.Time) string {
	var seen []string
	for _, h := range parseHomes(f.Homes) {
		if now.Sub(h.at) < homeFor {
			seen = append(seen, fmt.Sprintf("%s (last noted between %s and %s UTC)", h.address,
				h.at.UTC().Format("15:04"), h.at.Add(time.Hour).UTC().Format("15:04")))
		}
	}
	if len(seen) == 0 {
		return ""
	}
	if f.homesIncomplete(now) {
		seen = append(seen, "and others: the list is incomplete")
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
