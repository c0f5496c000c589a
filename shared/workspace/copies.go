package workspace

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Instance tells one running agent from a copy that runs beside it under the
// same id and credential. The zero Incarnation says nothing: then only the
// address is left to tell them by.
type Instance struct {
	Name    string
	aliases [2]string // names that the same one may have been given before
}

// bootStep and bootSlack round a time of boot, in seconds: an agent tells its
// uptime in whole seconds, and its call takes a moment.
const bootStep, bootSlack = 10, 5

// BootedAt is an agent known by when it says that it began to run.
func BootedAt(t time.Time) Instance {
	name := func(sec int64) string { return "b" + strconv.FormatInt(sec/bootStep, 36) }
	sec := t.Unix()
	return Instance{name(sec), [2]string{name(sec - bootSlack), name(sec + bootSlack)}}
}

// OfEpoch is an agent known by the epoch its register was answered with.
func OfEpoch(n int64) Instance {
	name := "e" + strconv.FormatInt(n, 36)
	return Instance{name, [2]string{name, name}}
}

// Aliases are the names under which a store may know the same incarnation.
func (i Instance) Aliases() [2]string { return i.aliases }

// SameInstance tells whether a signal seems to come from the agent of the one
// before. Stores ask it in the condition of their write.
func SameInstance(f Facts, s Signal) bool {
	if s.Instance.Name != "" {
		return f.Instance == "" || slices.Contains(s.Instance.aliases[:], f.Instance)
	}
	return f.Instance != "" || f.SeenFrom == "" || f.SeenFrom == s.From
}

// previousKept is how many copies are told apart.
const previousKept = 3

// takeOver notes that another incarnation calls now.
func takeOver(f Facts, s Signal, p Policy, now time.Time) Facts {
	if s.Instance.Name == "" {
		return f.noteTakeover(f.SeenFrom, p, now, s.From)
	}
	f = f.noteTakeover(f.Instance, p, now, s.Instance.aliases[:]...)
	f.Instance = s.Instance.Name
	return f
}

// noteTakeover notes that one follows another, was. One that was there before and
// comes back is no restart: two of them run. names are those it may have had.
func (f Facts) noteTakeover(was string, p Policy, now time.Time, names ...string) Facts {
	formers := strings.Fields(f.PreviousInstances)
	back := slices.ContainsFunc(formers, func(former string) bool { return slices.Contains(names, former) })
	switch {
	case !back || now.Sub(f.TakenOverAt) >= p.LeaseTTL:
		f.Takeovers, f.TakeoversSince = 0, time.Time{}
	case f.Takeovers == 0:
		f.Takeovers, f.TakeoversSince = 1, now
	default:
		f.Takeovers++
	}
	formers = slices.DeleteFunc(formers, func(former string) bool { return former == was || slices.Contains(names, former) })
	formers = append([]string{was}, formers...)
	f.PreviousInstances, f.TakenOverAt = strings.Join(formers[:min(len(formers), previousKept)], " "), now
	return f
}

// urlFingerprint is the name of an agent that registers with a URL: copies that serve
// each their own, and register in turn, are told by it.
func urlFingerprint(url string) string {
	if url == "" {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(url))
	return "u" + strconv.FormatUint(uint64(h.Sum32()), 36)
}
