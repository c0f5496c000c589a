package dynamo

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// The forms in which a lease has its times and texts. They are short: see leaseAttributes.

// An instant is milliseconds since instantZero in instantBytes bytes: a number that DynamoDB keeps as such takes eight.
// That is enough for thirty-four years. Before and after these it is a byte, the lowest or the highest one, and
// milliseconds since 1970 in six. The first byte is the first, so that of two instants the later one is the greater.
const (
	instantBytes    = 5
	farInstantBytes = 7
	farBefore       = 0x00
	farAfter        = 0xff
)

var instantZero = time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC).UnixMilli()

// instant stores a time of a lease, to the millisecond.
func instant(t time.Time) types.AttributeValue {
	ms := max(0, t.UnixMilli())
	near := ms - instantZero
	switch first := near >> 32; {
	case first <= farBefore:
		return farInstant(farBefore, ms)
	case first >= farAfter:
		return farInstant(farAfter, ms)
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(near))
	return &types.AttributeValueMemberB{Value: b[8-instantBytes:]}
}

func farInstant(first byte, ms int64) types.AttributeValue {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, 8), uint64(ms))[8-farInstantBytes:]
	b[0] = first
	return &types.AttributeValueMemberB{Value: b}
}

func instantOf(av types.AttributeValue) time.Time {
	b, ok := av.(*types.AttributeValueMemberB)
	if !ok {
		return time.Time{}
	}
	var wide [8]byte
	switch len(b.Value) {
	case instantBytes:
		copy(wide[8-instantBytes:], b.Value)
		return time.UnixMilli(instantZero + int64(binary.BigEndian.Uint64(wide[:]))).UTC()
	case farInstantBytes:
		copy(wide[8-farInstantBytes+1:], b.Value[1:])
		return time.UnixMilli(int64(binary.BigEndian.Uint64(wide[:]))).UTC()
	}
	return time.Time{}
}

// phrases are the texts that most leases have. One of them is stored as its place here, which is a number. The list is
// closed: the release before could not read a phrase that is added.
var phrases = []string{
	1: "removed", 2: "paused", // holds
	3: "push", 4: "poll", // modes
	5: "agent", 6: "operator", // who declared, and who was given a credential
	7: "unknown", 8: "former", 9: "others", // what was presented
	// what a workspace stands as, and was announced as
	10: "removed/removed", 11: "paused/paused", 12: "degraded/credentials_rejected", 13: "provisioning/never_registered",
	14: "unknown/platform_suspect", 15: "offline/lease_expired", 16: "degraded/duplicate_host",
	17: "degraded/runtime_wedged", 18: "degraded/inbox_unattended", 19: "degraded/push_failing",
	20: "degraded/backlog_stalled", 21: "degraded/answers_failing", 22: "degraded/inbox_full", 23: "degraded/error_rate",
	24: "online/busy", 25: "online/healthy",
	// what came back when a push failed
	26: "connection_refused", 27: "dns", 28: "tls", 29: "address_forbidden", 30: "network", 31: "timeout",
	32: "answer_broken_off", 33: "redirect", 34: "not_the_protocol", 35: "http_status", 36: "protocol_error",
	37: "no_connection", 38: "no_tls", 39: "tls_authority", 40: "tls_expired", 41: "tls_name", 42: "tls_client",
	43: "not_found", 44: "gateway", 45: "unauthorized",
	46: "offline/credentials_rejected", // where a workspace stands, too
	47: "agent_gone", 48: "clock",      // and when a push failed
	49: "degraded/restart_loop", // where a workspace stands
}

// phraseNumbers are the phrases as they are stored.
var phraseNumbers = func() map[string]string {
	out := make(map[string]string, len(phrases))
	for i, phrase := range phrases[1:] {
		out[phrase] = strconv.Itoa(i + 1)
	}
	return out
}()

// expired and a time are why a message is lost that has expired.
const expired = "not delivered before "

// leaseText stores a text of a lease: a phrase as its number, a network address as its four or sixteen bytes, that a
// message has expired as the time alone, and any other text as it is.
func leaseText(s string) types.AttributeValue {
	if number, ok := phraseNumbers[s]; ok {
		return &types.AttributeValueMemberN{Value: number}
	}
	if address, err := netip.ParseAddr(s); err == nil && address.String() == s && address.Zone() == "" {
		return &types.AttributeValueMemberB{Value: address.AsSlice()}
	}
	if when, ok := strings.CutPrefix(s, expired); ok {
		at, err := time.Parse(time.RFC3339, when)
		if as := instant(at); err == nil && instantOf(as).Format(time.RFC3339) == when {
			return as
		}
	}
	return str(s)
}

// leaseTextOf is leaseText's inverse.
func leaseTextOf(av types.AttributeValue) string {
	switch x := av.(type) {
	case *types.AttributeValueMemberN:
		if n := intOf(x); n > 0 && n < int64(len(phrases)) {
			return phrases[n]
		}
	case *types.AttributeValueMemberB:
		if address, ok := netip.AddrFromSlice(x.Value); ok {
			return address.String()
		}
		if at := instantOf(x); !at.IsZero() {
			return expired + at.Format(time.RFC3339)
		}
	}
	return strOf(av)
}
