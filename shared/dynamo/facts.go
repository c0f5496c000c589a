// Package dynamo keeps facts and messages in two DynamoDB tables. It is the only
// place that knows their keys, attribute names and conditions.
package dynamo

import (
	"reflect"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

type item = map[string]types.AttributeValue

// The leases table: one item a workspace, key id. Attribute names are short
// because the goal is at most 400 bytes an item: every heartbeat writes it and
// every sweep reads it. An attribute that would be zero is absent. LeaseKey is
// its partition key.
const LeaseKey = "id"

// leaseAttributes are the names of workspace.Facts' fields, by the field's name.
var leaseAttributes = map[string]string{
	"ID": LeaseKey, "Version": "v", "Epoch": "ep", "Hold": "ho", "CreatedAt": "ca", "HoldSince": "rd", "RegisteredAt": "ra",
	"Credential": "c1", "NextCredential": "c2", "PastCredential": "c0", "RevokedAt": "rv", "BootstrapUntil": "bw", "BootstrapFrom": "bf",
	"Declared": "dm", "DeclaredBy": "db", "Pushable": "pu", "MaxTasks": "mx", "QueueGeneration": "lg",
	"RegisterRefused": "rr", "BeatsRefused": "sr", "CallsRefused": "cr", "RefusedSince": "rs", "RefusedAt": "rt", "RefusedFrom": "rf", "AlternatingRefusals": "mn", "AlternatedAt": "mi",
	"StrangerAt": "xt", "StrangerFrom": "xf", "StrangerWith": "xw",
	"LeaseUntil": "lu", "HeartbeatAt": "hb", "PolledAt": "po", "CalledAt": "cd", "RecoveredAt": "ba", "SeenFrom": "sf",
	"Instance": "ic", "URLFingerprint": "su", "PreviousInstances": "if", "Takeovers": "sw", "TakeoversSince": "sz", "TakenOverAt": "st", "EnrolledBy": "eb", "ProbedAt": "pb", "ProbeLostAt": "pl", "ActiveTasks": "at", "ActiveAt": "aa",
	"ErrorsSince": "es", "SampleError": "se", "WedgedSince": "ws",
	"AnnouncedAs": "an", "AnnouncedAt": "na", "AnnouncedSeq": "ns",
	"Accepted": "nq", "Open": "no", "InFlight": "nf", "OldestOpen": "oo", "Delivered": "nd", "Expired": "nx",
	"Cancelled": "nc", "Dead": "nk", "Missing": "nm", "OutboxItems": "er", "DeliveredAt": "da", "ClaimedUntil": "hu", "PushFailures": "pf", "PushFailingSince": "ps", "PushError": "pe",
}

type leaseField struct {
	index       []int // of the field in workspace.Facts, through the groups it is in
	field, name string
}

var leaseFields = func() []leaseField {
	t := reflect.TypeFor[workspace.Facts]()
	var out []leaseField
	for _, field := range workspace.FieldsOf[workspace.Facts]() {
		name, ok := leaseAttributes[field]
		if !ok {
			panic("dynamo: no attribute for workspace.Facts." + field)
		}
		sf, _ := t.FieldByName(field) // FieldsOf names only fields there are
		out = append(out, leaseField{sf.Index, field, name})
	}
	return out
}()

// encodeFacts makes an item; times are milliseconds since 1970.
func encodeFacts(f workspace.Facts) item {
	out := item{}
	v := reflect.ValueOf(f)
	for _, lf := range leaseFields {
		if fv := v.FieldByIndex(lf.index); !fv.IsZero() {
			out[lf.name] = encodeValue(fv)
		}
	}
	return out
}

func encodeValue(v reflect.Value) types.AttributeValue {
	switch x := v.Interface().(type) {
	case time.Time:
		return millis(x)
	case token.Hash:
		return &types.AttributeValueMemberB{Value: x[:]}
	case bool:
		return &types.AttributeValueMemberBOOL{Value: x}
	}
	if v.Kind() == reflect.String {
		return str(v.String())
	}
	return num(v.Int())
}

func decodeFacts(it item) workspace.Facts {
	var f workspace.Facts
	v := reflect.ValueOf(&f).Elem()
	for _, lf := range leaseFields {
		av, ok := it[lf.name]
		if !ok {
			continue
		}
		switch fv := v.FieldByIndex(lf.index); fv.Interface().(type) {
		case time.Time:
			fv.Set(reflect.ValueOf(timeOf(av)))
		case token.Hash:
			if b, ok := av.(*types.AttributeValueMemberB); ok && len(b.Value) == len(token.Hash{}) {
				fv.Set(reflect.ValueOf(token.Hash(b.Value)))
			}
		case bool:
			if b, ok := av.(*types.AttributeValueMemberBOOL); ok {
				fv.SetBool(b.Value)
			}
		default:
			if fv.Kind() == reflect.String {
				fv.SetString(strOf(av))
			} else {
				fv.SetInt(intOf(av))
			}
		}
	}
	return f
}

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }
func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}
func millis(t time.Time) types.AttributeValue { return num(t.UnixMilli()) }

func strOf(av types.AttributeValue) string {
	if s, ok := av.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func intOf(av types.AttributeValue) int64 {
	if n, ok := av.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64) // our own writing
		return i
	}
	return 0
}

func timeOf(av types.AttributeValue) time.Time {
	if n := intOf(av); n != 0 {
		return time.UnixMilli(n).UTC()
	}
	return time.Time{}
}

// sizeOf is DynamoDB's own measure of an item: names, and values by type.
// Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats".
func sizeOf(it item) int {
	n := 0
	for name, av := range it {
		n += len(name)
		switch x := av.(type) {
		case *types.AttributeValueMemberS:
			n += len(x.Value)
		case *types.AttributeValueMemberB:
			n += len(x.Value)
		case *types.AttributeValueMemberN:
			n += (len(x.Value)+1)/2 + 1
		default:
			n++
		}
	}
	return n
}

// LeaseSize is how many bytes the facts take in their table.
func LeaseSize(f workspace.Facts) int { return sizeOf(encodeFacts(f)) }
