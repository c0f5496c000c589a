package workspace

import (
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Incarnation tells one running agent from a copy that runs beside it under the
// same id and credential. The zero Incarnation says nothing: then only the
// address is left to tell them by.
type Incarnation struct {
	Name string
	near [2]string // names that the same one may have been given before
}

// bootStep and bootSlack round a time of boot, in seconds: an agent tells its
// uptime in whole seconds, and its call takes a moment.
const bootStep, bootSlack = 10, 5

// BootedAt is an agent known by when it says that it began to run.
func BootedAt(t time.Time) Incarnation {
	name := func(sec int64) string { return "b" + strconv.FormatInt(sec/bootStep, 36) }
	sec := t.Unix()
	return Incarnation{name(sec), [2]string{name(sec - bootSlack), name(sec + bootSlack)}}
}

// OfEpoch is an agent known by the epoch its register was answered with.
func OfEpoch(n int64) Incarnation {
	name := "e" + strconv.FormatInt(n, 36)
	return Incarnation{name, [2]string{name, name}}
}

// Near are the names under which a store may know the same incarnation.
func (i Incarnation) Near() [2]string { return i.near }

// SameHost tells whether a signal seems to come from the agent of the one
// before. Stores ask it in the condition of their write.
func SameHost(f Facts, s Signal) bool {
	if s.Incarnation.Name != "" {
		return f.Incarnation == "" || slices.Contains(s.Incarnation.near[:], f.Incarnation)
	}
	return f.Incarnation != "" || f.SeenFrom == "" || f.SeenFrom == s.From
}

// formersKept is how many copies are told apart.
const formersKept = 3

// swap notes that another incarnation calls now.
func swap(f Facts, s Signal, p Policy, now time.Time) Facts {
	if s.Incarnation.Name == "" {
		return f.changedHost(f.SeenFrom, p, now, s.From)
	}
	f = f.changedHost(f.Incarnation, p, now, s.Incarnation.near[:]...)
	f.Incarnation = s.Incarnation.Name
	return f
}

// changedHost notes that one follows another, was. One that was there before and
// comes back is no restart: two of them run. names are those it may have had.
func (f Facts) changedHost(was string, p Policy, now time.Time, names ...string) Facts {
	formers := strings.Fields(f.Formers)
	back := slices.ContainsFunc(formers, func(former string) bool { return slices.Contains(names, former) })
	switch {
	case !back || now.Sub(f.SwappedAt) >= p.LeaseTTL:
		f.Swaps, f.SwapsSince = 0, time.Time{}
	case f.Swaps == 0:
		f.Swaps, f.SwapsSince = 1, now
	default:
		f.Swaps++
	}
	formers = slices.DeleteFunc(formers, func(former string) bool { return former == was || slices.Contains(names, former) })
	formers = append([]string{was}, formers...)
	f.Formers, f.SwappedAt = strings.Join(formers[:min(len(formers), formersKept)], " "), now
	return f
}

// served is the name of an agent that registers with a URL: copies that serve
// each their own, and register in turn, are told by it.
func served(url string) string {
	if url == "" {
		return ""
	}
	h := fnv.New32a()
	h.Write([]byte(url))
	return "u" + strconv.FormatUint(uint64(h.Sum32()), 36)
}

// alone forgets copies: an operator has dealt with them.
func alone(f Facts) Facts {
	f.Incarnation, f.Served, f.Formers, f.Swaps = "", "", "", 0
	f.SwapsSince, f.SwappedAt = time.Time{}, time.Time{}
	return f
}
