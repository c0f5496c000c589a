package dynamo

import (
	"reflect"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/token"
	"github.com/rollcall/rollcall/shared/workspace"
)

// leaseAttributes are the attribute names of the fields of workspace.Facts. They
// are short because every heartbeat writes the item and every sweep reads it, and
// have one character where most items have them, or those of agents whose pushes fail:
// about 400 bytes are the goal. None is the name of a type of DynamoDB (S, N, L, M),
// which a light emulator takes for the type. An attribute that would be zero is absent.
var leaseAttributes = map[string]string{
	// Identity
	"ID": LeaseKey, "Version": "v", "Epoch": "e", "Hold": "ho", "CreatedAt": "c", "HoldSince": "rd", "ResumedAt": "rz",
	"RegisteredAt": "r", "Declared": "d", "DeclaredBy": "D", "Pushable": "p", "MaxTasks": "mx",
	"QueueGeneration": "lg", "Lives": "li", "FinishedLives": "lf",
	"URLEpoch": "ue", "URLEndedAt": "uz", "LivesToErase": "le", "ErasedLives": "lx", "Team": "te",
	"CredentialsEnded": "ce", "PrecedenceUntil": "pu",
	"QuickRegisters": "qr", "QuickSince": "qs", "StartSigns": "qt",
	"RegisterFailedAt": "fa", "RegisterFailedWhy": "fw",
	// Credentials
	"Credential": "k", "NextCredential": "c2", "PastCredential": "c0", "IssuedAt": "ci",
	"IssuedTo": "ct", "TakenAs": "K", "RevokedAt": "rv", "BootstrapUntil": "bw", "BootstrapFrom": "bf",
	"EnrolledBy": "eb", "FetchAskedAt": "cf", "URLOfNext": "cn", "GivenBy": "cg",
	// Refusals
	"RegisterRefused": "rr", "BeatsRefused": "sr", "CallsRefused": "cr", "RefusedSince": "rs", "RefusedAt": "rt",
	"RefusedFrom": "rf", "AlternatingRefusals": "mn", "AlternatedAt": "mi", "RefusedEnoughAt": "rg",
	"RegisterRefusedAt": "rq", "RefusedWith": "rw", "RefusedApart": "ra",
	// Stranger
	"StrangerAt": "xt", "StrangerFrom": "xf", "StrangerWith": "xw",
	// Liveness
	"LeaseUntil": "l", "HeartbeatAt": "h", "PolledAt": "P", "CalledAt": "C", "RecoveredAt": "R",
	"PollAwaitedAt": "w", "SeenFrom": "s", "Homes": "H", "MovedAt": "9", "SeldomCalls": "sn", "SeldomGap": "sl",
	"ActiveTasks": "a", "ActiveAt": "A", "AtWorkSince": "W", "FreeSince": "f", "ErrorsSince": "es",
	"SampleError": "se", "WedgedSince": "ws", "BadMetric": "bm", "BadMetricAt": "bt",
	// Copies
	"Instance": "i", "URLFingerprint": "u", "PreviousInstances": "if", "Takeovers": "sw", "TakeoversSince": "sz",
	"TakenOverAt": "st",
	// Standing
	"StandsAs": "V", "StandsSince": "t", "StandsChanges": "vc",
	// Announced
	"AnnouncedAs": "Q", "AnnouncedAt": "n", "AnnouncedSeq": "q",
	// Traces
	"ChangesUntil": "y", "LinesUntil": "yl", "LinesLeftOut": "yn", "CredentialLinesUntil": "Y",
	"CredentialLinesLeftOut": "yo",
	// Mailbox
	"Accepted": "m", "Open": "o", "InFlight": "8", "Delivered": "I", "Expired": "x", "Cancelled": "nc",
	"Dead": "nk", "Missing": "nm", "Unused": "nu", "OldestOpen": "O", "CountedAt": "T", "OutboxItems": "er",
	"DeliveredAt": "z", "ClaimedUntil": "U", "PushesEven": "pn", "PushesOdd": "po", "PriorityHadTurn": "pw",
	"ProbedAt":     "pb",
	"FetchedSince": "fh", "AcksEpoch": "ak",
	"HandedAt": "hz", "FetchedHosts": "fn", "AsideUntil": "G", "UndeliveredAt": "E", "TriedAt": "J", "PassedAt": "j",
	"ReachedAt": "g", "Audited": "X", "LostMessages": "5", "LostAt": "6", "LostWhy": "7", "LostInVain": "B",
	"FullSince": "us", "FullAt": "ua", "FullBy": "ub", "FullOpen": "uo",
	// PushTrouble
	"PushFailures": "2", "PushFailingSince": "b", "PushDegradedAt": "Z", "PushFailedAt": "F",
	"PushError": "3", "PushFault": "4", "ProbePushedAt": "pp", "ProbePassed": "pq",
	"RestUntil": "1", "BusySince": "bs", "BusyAnswers": "bn", "URLNew": "0",
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
	if f.ID != "" {
		out[LeaseKey] = str(f.ID) // a key is a text
	}
	return out
}

// encodeField makes an attribute of a field, which is looked at by its address: a copy would be an allocation for each.
func encodeField(v reflect.Value) types.AttributeValue {
	switch x := v.Addr().Interface().(type) {
	case *time.Time:
		return instant(*x)
	case *token.Hash:
		return hashValue(*x)
	case *bool:
		return &types.AttributeValueMemberBOOL{Value: *x}
	}
	if v.Kind() == reflect.String {
		return leaseText(v.String())
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
		*x = instantOf(av)
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
		v.SetString(leaseTextOf(av))
	default:
		v.SetInt(intOf(av))
	}
}

// LeaseAttribute is the name of the attribute in which a lease has a field of workspace.Facts: for a proof that makes
// what is stored wrong.
func LeaseAttribute(field string) string { return leaseAttributes[field] }

// LeaseSize is how many bytes the facts take in their table.
func LeaseSize(f workspace.Facts) int { return ItemSize(encodeFacts(f)) }
