package dynamo

import (
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// leaseAttributes are the attribute names of the fields of workspace.Facts. They
// are short because every heartbeat writes the item and every sweep reads it: the
// goal is at most 400 bytes. An attribute that would be zero is absent.
var leaseAttributes = map[string]string{
	// Identity
	"ID": LeaseKey, "Version": "v", "Epoch": "ep", "Hold": "ho", "CreatedAt": "ca", "HoldSince": "rd", "ResumedAt": "rz",
	"RegisteredAt": "ra", "Declared": "dm", "DeclaredBy": "db", "Pushable": "pu", "MaxTasks": "mx",
	"QueueGeneration": "lg", "Lives": "li", "FinishedLives": "lf",
	"URLEpoch": "ue", "URLEndedAt": "uz", "LivesToErase": "le", "ErasedLives": "lx", "Team": "te",
	"RegisterFailedAt": "fa", "RegisterFailedWhy": "fw",
	// Credentials
	"Credential": "c1", "NextCredential": "c2", "PastCredential": "c0", "IssuedAt": "ci",
	"IssuedTo": "ct", "TakenAs": "ck", "RevokedAt": "rv", "BootstrapUntil": "bw", "BootstrapFrom": "bf",
	"EnrolledBy": "eb", "FetchAskedAt": "cf", "URLOfNext": "cn",
	// Refusals
	"RegisterRefused": "rr", "BeatsRefused": "sr", "CallsRefused": "cr", "RefusedSince": "rs", "RefusedAt": "rt",
	"RefusedFrom": "rf", "AlternatingRefusals": "mn", "AlternatedAt": "mi", "RefusedEnoughAt": "rg",
	"RegisterRefusedAt": "rq", "RegisterRefusedWith": "rw",
	// Stranger
	"StrangerAt": "xt", "StrangerFrom": "xf", "StrangerWith": "xw",
	// Liveness
	"LeaseUntil": "lu", "HeartbeatAt": "hb", "PolledAt": "po", "CalledAt": "cd", "RecoveredAt": "ba",
	"PollAwaitedAt": "pw", "SeenFrom": "sf", "Homes": "hm", "MovedAt": "mv",
	"ActiveTasks": "at", "ActiveAt": "aa", "AtWorkSince": "aw", "FreeSince": "fr", "ErrorsSince": "es",
	"SampleError": "se", "WedgedSince": "ws", "BadMetric": "bm", "BadMetricAt": "bt",
	// Copies
	"Instance": "ic", "URLFingerprint": "su", "PreviousInstances": "if", "Takeovers": "sw", "TakeoversSince": "sz",
	"TakenOverAt": "st",
	// Standing
	"StandsAs": "vs", "StandsSince": "vt", "StandsChanges": "vc",
	// Announced
	"AnnouncedAs": "an", "AnnouncedAt": "na", "AnnouncedSeq": "ns",
	// Traces
	"ChangesUntil": "yc", "LinesUntil": "yl", "LinesLeftOut": "yn", "CredentialLinesUntil": "yk",
	"CredentialLinesLeftOut": "yo",
	// Mailbox
	"Accepted": "nq", "Open": "no", "InFlight": "nf", "Delivered": "nd", "Expired": "nx", "Cancelled": "nc",
	"Dead": "nk", "Missing": "nm", "Unused": "nu", "OldestOpen": "oo", "CountedAt": "nt", "OutboxItems": "er",
	"DeliveredAt": "da", "ClaimedUntil": "hu", "ProbedAt": "pb", "FetchedSince": "fh", "AcksEpoch": "ak",
	"HandedAt": "hz", "AsideUntil": "au", "UndeliveredAt": "pl", "TriedAt": "tr", "PassedAt": "pa", "ReachedAt": "re",
	"Audited": "ax", "LostMessages": "ln", "LostAt": "la", "LostWhy": "lw",
	"FullSince": "us", "FullAt": "ua", "FullBy": "ub", "FullOpen": "uo",
	// PushTrouble
	"PushFailures": "pf", "PushFailingSince": "ps", "PushDegradedAt": "pg", "PushFailedAt": "pt",
	"PushError": "pe", "PushFault": "pk", "ProbePushedAt": "pp", "ProbePassed": "pq",
	"RestUntil": "ru", "BusySince": "bs", "BusyAnswers": "bn",
	// AnswerTrouble
	"AnswerFailures": "af", "AnswersFailingSince": "ag", "AnswerFailedAt": "ah", "AnswersDegradedAt": "ad",
	"AnswerError": "ae",
}

// lease is the attribute of a field of workspace.Facts in an expression. The
// field must be one that leaseAttributes names.
func lease(field string) attribute {
	name, ok := leaseAttributes[field]
	if !ok {
		panic("dynamo: workspace.Facts has no field " + field)
	}
	return named(name)
}

type leaseField struct {
	index       []int // of the field in workspace.Facts, through the groups it is in
	field, name string
}

// leaseFields are the stored fields. A field of workspace.Facts that has no
// attribute is a mistake that no test run survives.
var leaseFields = func() []leaseField {
	var out []leaseField
	for _, field := range reflect.VisibleFields(reflect.TypeFor[workspace.Facts]()) {
		if field.Anonymous { // a group: its fields follow
			continue
		}
		name, ok := leaseAttributes[field.Name]
		if !ok {
			panic("dynamo: no attribute for workspace.Facts." + field.Name)
		}
		out = append(out, leaseField{field.Index, field.Name, name})
	}
	return out
}()

// encodeFacts makes an item of facts.
func encodeFacts(f workspace.Facts) item {
	out := item{}
	v := reflect.ValueOf(&f).Elem()
	for _, lf := range leaseFields {
		if fv := v.FieldByIndex(lf.index); !fv.IsZero() {
			out[lf.name] = encodeField(fv)
		}
	}
	return out
}

// encodeField makes an attribute of a field, which is looked at by its address: a copy would be an allocation for each.
func encodeField(v reflect.Value) types.AttributeValue {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		return millis(*x)
	case *token.Hash:
		return hashValue(*x)
	case *bool:
		return &types.AttributeValueMemberBOOL{Value: *x}
	}
	if v.Kind() == reflect.String {
		return str(v.String())
	}
	return num(v.Int())
}

// decodeFacts is encodeFacts' inverse. It leaves out attributes it doesn't know.
func decodeFacts(it item) workspace.Facts {
	var f workspace.Facts
	v := reflect.ValueOf(&f).Elem()
	for _, lf := range leaseFields {
		if av, ok := it[lf.name]; ok {
			decodeField(v.FieldByIndex(lf.index), av)
		}
	}
	return f
}

func decodeField(v reflect.Value, av types.AttributeValue) {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		*x = timeOf(av)
		return
	case *token.Hash:
		*x = hashOf(av)
		return
	}
	switch v.Kind() {
	case reflect.Bool:
		if b, ok := av.(*types.AttributeValueMemberBOOL); ok {
			v.SetBool(b.Value)
		}
	case reflect.String:
		v.SetString(strOf(av))
	default:
		v.SetInt(intOf(av))
	}
}

// LeaseSize is how many bytes the facts take in their table.
func LeaseSize(f workspace.Facts) int { return ItemSize(encodeFacts(f)) }
