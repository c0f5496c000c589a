package faults

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Report lists the faults that were made.
func (i *Injector) Report() []string {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []string
	for _, k := range slices.Sorted(maps.Keys(i.tally)) {
		out = append(out, fmt.Sprintf("%4d  %s", i.tally[k], k))
	}
	for _, w := range slices.Sorted(maps.Keys(i.killed)) {
		out = append(out, fmt.Sprintf("%4d  killed at %s", i.killed[w], w))
	}
	return append(out, i.killTable()...)
}

// killTable has a line for each function: after which writes of an invocation it was
// killed, and after which it never was.
func (i *Injector) killTable() []string {
	killed, neverKilled := map[string][]int{}, map[string][]int{}
	for place, c := range i.places {
		byFunction := killed
		if c.killed == 0 {
			byFunction = neverKilled
		}
		byFunction[place.Function] = append(byFunction[place.Function], place.K)
	}
	var out []string
	for _, f := range []string{"dispatch", "enqueue", "heartbeat", "inbox", "operate", "register", "status", "sweeper"} {
		name := "rollcall-" + f
		if len(killed[name])+len(neverKilled[name]) > 0 {
			out = append(out, fmt.Sprintf("%-18s killed after write %s of an invocation; never after %s",
				name, ranges(killed[name]), ranges(neverKilled[name])))
		}
	}
	return out
}

// ranges writes sorted numbers as ranges: 1-4, 7.
func ranges(ns []int) string {
	slices.Sort(ns)
	var out []string
	for at := 0; at < len(ns); {
		end := at
		for end+1 < len(ns) && ns[end+1] == ns[end]+1 {
			end++
		}
		text := strconv.Itoa(ns[at])
		if end > at {
			text += "-" + strconv.Itoa(ns[end])
		}
		out, at = append(out, text), end+1
	}
	if out == nil {
		return "none"
	}
	return strings.Join(out, ", ")
}

// NeverKilledAfter lists the places up to the k-th write that a function reached at least
// so many times and at which it was never killed.
func (i *Injector) NeverKilledAfter(k, times int) []Place {
	i.mu.Lock()
	defer i.mu.Unlock()
	var out []Place
	for w, c := range i.places {
		if w.K <= k && c.seen >= times && c.killed == 0 {
			out = append(out, w)
		}
	}
	return out
}

// PlacesReached is how many places functions reached so far.
func (i *Injector) PlacesReached() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.places)
}
