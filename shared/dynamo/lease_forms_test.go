package dynamo

import (
	"bytes"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"pgregory.net/rapid"

	"github.com/rollcall/rollcall/shared/workspace"
)

// Whatever a text of a lease is, it is read as it was written.
func TestTextsOfALeaseComeBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := rapid.OneOf(
			rapid.SampledFrom(phrases), rapid.String(), rapid.StringMatching(`[0-9a-f]{0,4}(:[0-9a-f]{0,4}){2,7}`),
			rapid.SampledFrom([]string{
				"192.0.2.7", "192.0.2.007", "1.2.3", "2001:db8::7", "2001:DB8::7", "2001:db8:0::7", "::", "::ffff:1.2.3.4",
				"fe80::1%eth0", "26", expired, expired + "2026-11-25T12:02:00Z", expired + "2026-11-25T12:02:00+01:00",
				expired + "2026-11-25T12:02:00.5Z", expired + "1969-11-25T12:02:00Z", expired + "0001-01-01T00:00:00Z",
				expired + "9999-12-31T23:59:59Z",
			}),
		).Draw(t, "text")
		if got := leaseTextOf(leaseText(s)); got != s {
			t.Fatalf("%q is read as %q", s, got)
		}
	})
}

// Whatever is stored, it is read as a text.
func TestAnUnknownFormOfATextIsNone(t *testing.T) {
	for _, av := range []types.AttributeValue{
		nil, num(0), num(-1), num(int64(len(phrases))), &types.AttributeValueMemberB{}, &types.AttributeValueMemberB{
			Value: []byte{1, 2, 3},
		}, &types.AttributeValueMemberBOOL{Value: true},
	} {
		if got := leaseTextOf(av); got != "" {
			t.Errorf("%v is read as %q", av, got)
		}
	}
}

// Of two times the later one is the greater, as a condition compares them, and both come back to the millisecond.
func TestInstantsAreInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		when := rapid.OneOf(
			rapid.Int64Range(instantZero, instantZero+1<<40), rapid.Int64Range(instantZero-2, instantZero+1<<33),
			rapid.Int64Range(1, 1<<48-1),
		)
		a, b := time.UnixMilli(when.Draw(t, "a")).UTC(), time.UnixMilli(when.Draw(t, "b")).UTC()
		x, y := instant(a).(*types.AttributeValueMemberB), instant(b).(*types.AttributeValueMemberB)
		if bytes.Compare(x.Value, y.Value) != a.Compare(b) || !instantOf(x).Equal(a) {
			t.Fatalf("%s is %x, and %s is %x", a, x.Value, b, y.Value)
		}
	})
}

// An instant has five bytes, as items have them that are stored.
func TestAnInstantHasFiveBytes(t *testing.T) {
	for when, want := range map[string]string{
		"2026-11-26T12:00:00.678Z": "15556820a6", "2058-04-01T00:00:00Z": "fba35d6c00",
		"2023-11-25T12:02:00Z": "00018c065baac0", "2100-01-02T03:04:05Z": "ff03bb3292bc88",
	} {
		at, err := time.Parse(time.RFC3339, when)
		if err != nil {
			t.Fatal(err)
		}
		b := instant(at).(*types.AttributeValueMemberB)
		if got := fmt.Sprintf("%x", b.Value); got != want || !instantOf(b).Equal(at) {
			t.Errorf("%s is %s, and %s is read of it", when, got, instantOf(b))
		}
	}
}

// What a workspace stands as takes no more than a number, for each reason, and so does why a push failed.
func TestEachReasonIsAPhrase(t *testing.T) {
	for _, why := range workspace.PushFaults() {
		if !slices.Contains(phrases[:], string(why)) {
			t.Errorf("%s is no phrase", why)
		}
	}
	for _, reason := range workspace.Reasons() {
		if !slices.ContainsFunc(phrases, func(p string) bool { return strings.HasSuffix(p, "/"+string(reason)) }) {
			t.Errorf("no phrase ends with %s", reason)
		}
	}
	for i, phrase := range phrases[1:] {
		if !reflect.DeepEqual(leaseText(phrase), num(int64(i+1))) {
			t.Errorf("%q is twice among the phrases", phrase)
		}
	}
}
