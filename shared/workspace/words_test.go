package workspace_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// oneOfMany is one of what is named in the plural.
var oneOfMany = regexp.MustCompile(
	`\b1 (?:[a-z]+ )?(?:messages|registers|heartbeats|calls|tasks|times|answers|deliveries|senders|others)\b`)

// hard are words that a person at night has to look up, or that say nothing.
var hard = []string{"bootstrap_until", "in turn", "by itself", "wedged:", "1 others", "the user"}

// What a person reads of a workspace counts as people do, and has no word that has to be looked up.
func TestTheWordsOfAVerdictAreAPersons(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f := anyFacts(t)
		f.TakenAs = rapid.SampledFrom([]workspace.Recipient{"", workspace.ToAgent, workspace.ToOperator}).Draw(t, "taken as")
		f.FullAt, f.FullSince, f.FullOpen = at(590), at(590), int64(rapid.IntRange(0, 2).Draw(t, "full with"))
		words := workspace.WaitsFor(f, workspace.Assess(f, p, at(600)), f.Mode(p, at(600)), 1, at(900), p, at(600)) + "\n" +
			anyFleet(t).Explain(f, p, at(600)).Text()
		for _, after := range afterwards(f) {
			words += "\n" + after
		}
		if wrong := oneOfMany.FindString(words); wrong != "" {
			t.Fatalf("%q in %s", wrong, words)
		}
		for _, word := range hard {
			if strings.Contains(words, word) {
				t.Fatalf("%q in %s", word, words)
			}
		}
	})
}

// afterwards are what comes after each change of credentials.
func afterwards(f workspace.Facts) []string {
	window, _ := workspace.Repair(f, f.SeenFrom, p, at(600))
	return []string{
		workspace.AfterRepair(f, window, p, at(600)), workspace.AfterShowing(f, at(600)),
		workspace.AfterAskingToFetch(f), workspace.AfterRotation(f),
	}
}

// What comes after a rotation is read at once: at most two sentences, of at most 60 words together.
func TestWhatComesAfterARotationIsShort(t *testing.T) {
	for _, taken := range []workspace.Recipient{"", workspace.ToAgent, workspace.ToOperator} {
		for _, enrolled := range []bool{true, false} {
			f := live(func(f *workspace.Facts) { f.TakenAs = taken })
			if !enrolled {
				f.Credential = token.Hash{}
			}
			for _, next := range []string{workspace.AfterRotation(f), workspace.AfterAskingToFetch(f)} {
				sentences, words := strings.Count(next+" ", ". "), len(strings.Fields(next))
				if sentences > 2 || words > 60 || !strings.HasSuffix(next, ".") {
					t.Errorf("%d sentences, %d words: %s", sentences, words, next)
				}
			}
		}
	}
}
