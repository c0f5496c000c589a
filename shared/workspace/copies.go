package workspace

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Instance is one running agent, as opposed to a copy that runs beside it under the same id and credential. The zero
// Instance is unknown: then only the network address tells the two apart.
type Instance struct {
	Name    string
	aliases [2]string // names that the same instance may have been given before
}

// bootStep and bootSlack round the time of boot, in seconds: an agent reports its uptime in whole seconds, and its
// call takes a moment.
const bootStep, bootSlack = 10, 5

// BootedAt is the instance that says it began to run at t.
func BootedAt(t time.Time) Instance {
	name := func(sec int64) string { return "b" + strconv.FormatInt(sec/bootStep, 36) }
	sec := t.Unix()
	return Instance{name(sec), [2]string{name(sec - bootSlack), name(sec + bootSlack)}}
}

// OfEpoch is the instance whose register was answered with epoch n.
func OfEpoch(n int64) Instance {
	name := "e" + strconv.FormatInt(n, 36)
	return Instance{name, [2]string{name, name}}
}

// Aliases are the names under which a store may know the same instance.
func (i Instance) Aliases() [2]string { return i.aliases }

// SameInstance reports whether a signal seems to come from the agent that sent the one before. Stores ask the same in
// the condition of their write.
func SameInstance(f Facts, s Signal) bool {
	if s.Instance.Name != "" {
		return f.Instance == "" || slices.Contains(s.Instance.aliases[:], f.Instance)
	}
	return f.Instance != "" || f.SeenFrom == "" || f.SeenFrom == s.From
}

// previousKept is how many previous instances are remembered.
const previousKept = 3

// takeOver notes that another instance calls now.
func takeOver(f Facts, s Signal, p Policy, now time.Time) Facts {
	if s.Instance.Name == "" {
		return f.noteTakeover(addressName(f.SeenFrom), p, now, addressName(s.From), s.From)
	}
	f = f.noteTakeover(f.Instance, p, now, s.Instance.aliases[:]...)
	f.Instance = s.Instance.Name
	return f
}

// addressName is what an address is named among the previous instances: a long one by its bytes, as in Homes.
func addressName(address string) string {
	if entry := HomeEntry(address); strings.HasPrefix(entry, mark16) {
		return entry
	}
	return address
}

// noteTakeover notes that one instance follows another, which was named was; names are those that the new one may
// have. A previous one that comes back has not restarted: both are running. One that is new takes that back only after
// a lease: of two that register again each time that they are superseded, each comes back under a new name.
func (f Facts) noteTakeover(was string, p Policy, now time.Time, names ...string) Facts {
	previous := strings.Fields(f.PreviousInstances)
	isNew := func(name string) bool { return slices.Contains(names, name) }
	switch {
	case now.Sub(f.TakenOverAt) >= p.LeaseTTL:
		f.Takeovers, f.TakeoversSince, f.TakenOverAt = 0, time.Time{}, now
	case slices.ContainsFunc(previous, isNew):
		f = f.countTakeover(p, now)
	case f.Takeovers == 0:
		f.TakenOverAt = now
	}
	previous = slices.DeleteFunc(previous, func(name string) bool { return name == was || isNew(name) })
	previous = append([]string{was}, previous...)
	f.PreviousInstances = strings.Join(previous[:min(len(previous), previousKept)], " ")
	return f
}

// countTakeover counts that a previous instance came back.
func (f Facts) countTakeover(p Policy, now time.Time) Facts {
	if f.Takeovers++; f.Takeovers <= p.TakeoversForDuplicate {
		f.TakeoversSince = now // from then on, that there are two is known
	}
	f.TakenOverAt = now
	return f
}

// Superseded reports whether a caller that says its epoch is a former host: another one has registered since.
func (f *Facts) Superseded(epoch int64) bool { return epoch > 0 && epoch < f.Epoch }

// calledByTwo reports whether two agents call under this id, as far as is known.
func (f *Facts) calledByTwo(p Policy, now time.Time) bool {
	return f.Takeovers >= p.TakeoversForDuplicate && !f.TakenOverAt.IsZero() && now.Sub(f.TakenOverAt) < p.LeaseTTL
}

// hostCalls reports whether the agent that registered last was heard a moment ago, as far as a call of a former host of
// an epoch does not say the same. A former host that tells its epoch in polls has none that counts as a poll.
// Heartbeats tell of an agent that doesn't poll if they tell another epoch; those that tell none are taken for its own
// where it is a poll that asks.
func (f *Facts) hostCalls(by SignalKind, epoch int64, p Policy, now time.Time) bool {
	heard, beats := f.RegisteredAt, epochOf(f.Instance)
	if by == SignalPoll {
		heard = latest(heard, f.PolledAt)
	}
	if f.Declared != Poll && beats != epoch && (beats > 0 || by == SignalPoll) {
		heard = latest(heard, f.HeartbeatAt)
	}
	return now.Sub(heard) < p.LeaseTTL/2
}

// NoteEpoch is the facts after a poll or an acknowledgement that told its epoch. While the agent that registered last
// calls too, a poll of a former host shows that two run: it counts once of each register, and again after half a lease.
// Once two were told, what shows that both go on is noted more often, also of acknowledgements: no agent that calls as
// often as it is asked to is then taken for silent. changed is false when the call is not worth a write.
func NoteEpoch(f Facts, by SignalKind, epoch int64, p Policy, now time.Time) (next Facts, changed bool) {
	told, age, former := f.calledByTwo(p, now), now.Sub(f.TakenOverAt), f.Superseded(epoch)
	another := told && epochOf(f.Instance) > 0 && epochOf(f.Instance) != epoch // told its epoch in a heartbeat
	next = f
	switch {
	case epoch <= 0, epoch > f.Epoch:
		return f, false
	case f.RegisteredAt.IsZero(), !f.RevokedAt.IsZero(): // an operator replaces hosts too
		return f, false
	case told && age < p.LeaseTTL/6:
		return f, false
	case former && f.hostCalls(by, epoch, p, now) && (told || by == SignalPoll && f.formerCounts(p, now)):
		if age >= p.LeaseTTL {
			next.Takeovers, next.TakeoversSince = 0, time.Time{}
		}
		next = next.countTakeover(p, now)
	case former, !another:
		return f, false
	}
	if another {
		next = takeOver(next, Signal{Instance: OfEpoch(epoch)}, p, now)
	}
	next.Version++
	return NoteStanding(f, next, p, now), true
}

// formerCounts reports whether a poll of a former host is one more sign that two run.
func (f *Facts) formerCounts(p Policy, now time.Time) bool {
	noted := f.Takeovers > 0 && !f.TakenOverAt.Before(f.RegisteredAt)
	return !noted || now.Sub(f.TakenOverAt) >= p.LeaseTTL/2
}

// aloneSince is when an agent of this id began to call alone: no other has called or registered since.
func (f *Facts) aloneSince() time.Time { return latest(f.TakenOverAt, f.RegisteredAt) }

// outlivedCopy reports whether the agent that calls may not be the one whose URL is pushed to, and the other is silent:
// two called in turn and none has registered since, or this one's epoch is older than the URL. Two that both call are
// never found so, as none of them is silent for half a lease: asked to register, they would take the URL from each
// other.
func (f *Facts) outlivedCopy(p Policy, now time.Time) bool {
	return (f.calledInTurn(p) || f.formerBeats()) && now.Sub(f.aloneSince()) >= p.LeaseTTL/2
}

// calledInTurn reports whether two agents called in turn, and none has registered since.
func (f *Facts) calledInTurn(p Policy) bool {
	return f.Takeovers >= p.TakeoversForDuplicate && f.RegisteredAt.Before(f.TakenOverAt)
}

// formerBeats reports whether the last epoch that a heartbeat told is older than the URL.
func (f *Facts) formerBeats() bool {
	return epochOf(f.Instance) > 0 && epochOf(f.Instance) < f.URLEpoch
}

// epochOf is the epoch that an instance of this name reports; 0 when its name is another one.
func epochOf(name string) int64 {
	digits, ok := strings.CutPrefix(name, "e")
	if !ok {
		return 0
	}
	n, err := strconv.ParseInt(digits, 36, 64)
	if err != nil {
		return 0
	}
	return n
}

// bootOf is about when the instance of this name began to run; zero when its name is another one.
func bootOf(name string) time.Time {
	digits, ok := strings.CutPrefix(name, "b")
	if !ok {
		return time.Time{}
	}
	n, err := strconv.ParseInt(digits, 36, 64)
	if err != nil {
		return time.Time{}
	}
	return time.Unix(n*bootStep, 0)
}

// endCopies forgets, when an agent registers that has called alone for a while, that there were two.
func (f Facts) endCopies(p Policy, now time.Time) Facts {
	if f.outlivedCopy(p, now) {
		f.Takeovers, f.TakeoversSince, f.TakenOverAt = 0, time.Time{}, time.Time{}
	}
	return f
}

// nameHost notes, of two whose heartbeats tell epochs, that the one that has just registered calls. A heartbeat of the
// other one shows at once then that it goes on.
func (f Facts) nameHost(p Policy, now time.Time) Facts {
	if f.calledByTwo(p, now) && epochOf(f.Instance) > 0 {
		f = takeOver(f, Signal{Instance: OfEpoch(f.Epoch)}, p, now)
	}
	return f
}

// noteURL notes the URL of a register. Copies that each serve a URL of their own, and register in turn, are told apart
// by it; a register without a URL says nothing.
func (f Facts) noteURL(url string, p Policy, now time.Time) Facts {
	if url == "" {
		return f
	}
	name := urlFingerprint(url)
	if f.URLFingerprint != "" && f.URLFingerprint != name {
		f = f.noteTakeover(f.URLFingerprint, p, now, name)
	}
	f.URLFingerprint = name
	return f
}

func urlFingerprint(url string) string {
	h := fnv.New32a()
	h.Write([]byte(url))
	const bits = 24 // are enough to tell the few URLs of one workspace apart
	return "u" + strconv.FormatUint(uint64(h.Sum32()>>(32-bits)), 36)
}
