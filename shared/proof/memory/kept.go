package memory

import (
	"encoding/json"
	"errors"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"
	"unsafe"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/workspace"
)

// What is stored is what the tables would give back: times of facts to the
// millisecond, times of messages and records without the monotonic clock's
// reading, texts that are copies. So a test that passes here does not rest on
// what DynamoDB loses.

// maxItem and maxTransaction are DynamoDB's limits in bytes, maxWrites is the
// most items of a transaction. Source: DynamoDB Developer Guide, "Quotas".
const (
	maxItem        = 400 << 10
	maxTransaction = 4 << 20
	maxWrites      = 100
)

// itemOverhead stands for the names and the small attributes of an item.
const itemOverhead = 256

// errTooLarge is no fault of the store: what is too large is so whenever it is sent.
var errTooLarge = errors.New("memory: the item, or the transaction, is too large")

// factFields are the fields of facts, through the groups they are in, and factTimes is where in facts those stand that
// are times.
var factFields, factTimes = func() (all [][]int, times []uintptr) {
	t := reflect.TypeFor[workspace.Facts]()
	for _, name := range workspace.FieldsOf[workspace.Facts]() {
		field, _ := t.FieldByName(name) // FieldsOf names only fields there are
		all = append(all, field.Index)
		if field.Type == reflect.TypeFor[time.Time]() {
			at := uintptr(0)
			for i := range field.Index {
				at += t.FieldByIndex(field.Index[:i+1]).Offset
			}
			times = append(times, at)
		}
	}
	return all, times
}()

// millis is a time as the tables keep those of facts.
func millis(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return time.UnixMilli(t.UnixMilli()).UTC()
}

// keptFacts are facts as the table gives them back. Each write makes them, under the store's lock: reflection would
// allocate them anew and take three times as long.
func keptFacts(f workspace.Facts) workspace.Facts {
	for _, offset := range factTimes {
		at := (*time.Time)(unsafe.Add(unsafe.Pointer(&f), offset))
		*at = millis(*at)
	}
	return f
}

// keptMessage is a message as the table gives it back: a copy. Error:
// it is too large.
func keptMessage(m chat.Message) (chat.Message, error) {
	m = copyMessage(m)
	m.Body, m.Answer = textual(m.Body), textual(m.Answer)
	for _, at := range []*time.Time{
		&m.AcceptedAt, &m.RedrivenAt, &m.ExpiresAt, &m.NotBefore, &m.SettledAt, &m.Claim.Until, &m.AwaitedUntil,
		&m.Unanswered.Aside,
	} {
		*at = keptTime(*at)
	}
	for i := range m.Attempts {
		m.Attempts[i].At = keptTime(m.Attempts[i].At)
	}
	if sizeOf(m) > maxItem {
		return m, errTooLarge
	}
	return m, nil
}

// copyMessage shares nothing with m.
func copyMessage(m chat.Message) chat.Message {
	m.Body, m.Answer = copyText(m.Body), copyText(m.Answer)
	m.Attempts = slices.Clone(m.Attempts)
	return m
}

// copyText is nil for an empty text, as the table tells no difference.
func copyText[Text ~[]byte](text Text) Text {
	if len(text) == 0 {
		return nil
	}
	return slices.Clone(text)
}

// textual is a text as the table keeps it: each byte that is no text is U+FFFD.
func textual(text []byte) []byte {
	if utf8.Valid(text) {
		return text
	}
	return []byte(string([]rune(string(text))))
}

// keptTime is a time that was written as JSON and read again.
func keptTime(t time.Time) time.Time { return t.Round(0).UTC() }

// sizeOf is about as many bytes as DynamoDB counts.
func sizeOf(m chat.Message) int {
	n := itemOverhead
	for _, text := range []string{m.ID, string(m.Body), string(m.Answer), m.Source, m.Method, m.Reason, m.Callback} {
		n += len(text)
	}
	for _, a := range m.Attempts {
		n += itemOverhead + len(a.Error)
	}
	return n
}

// record is what is kept as JSON and read whole. Errors: platform_unavailable,
// errTooLarge.
type record []byte

func newRecord(v any) (record, error) {
	raw, err := chat.Marshal(v)
	if err != nil {
		return nil, fault.Store("encode record", err)
	}
	if len(raw)+itemOverhead > maxItem {
		return nil, errTooLarge
	}
	return textual(raw), nil
}

// decode reads what newRecord made.
func decode[V any](r record) (v V) {
	if err := json.Unmarshal(r, &v); err != nil {
		panic(err) // newRecord made it
	}
	return v
}

// conflict is the error of a write whose condition failed.
func conflict() error { return fault.New(fault.Conflict, "what was seen has changed") }
