package chat

import (
	"encoding/json"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"
)

// hostile are messages and answers that cost their writer few bytes each for what they make a reader do: each is made
// of as many pieces as fit into a size.
var hostile = map[string]func(size int) string{
	"empty parts":             inMessage(`{"":0}`),
	"parts that are lists":    inMessage(`[]`),
	"parts with text":         inMessage(`{"text":"a"}`),
	"parts with data":         inMessage(`{"data":{}}`),
	"parts with metadata":     inMessage(`{"metadata":{"":0}}`),
	"parts with files":        inMessage(`{"file":{"uri":"u"}}`),
	"small numbers":           inMessage(`1`),
	"numbers that are odd":    inMessage(`1e999`),
	"nested lists":            inMessage(`[[[[]]]]`),
	"half surrogate pairs":    inMessage(`"\ud800"`),
	"keys":                    inObject(func(i int) string { return fmt.Sprintf(`"%x":0`, i) }),
	"one key many times":      inObject(func(int) string { return `"parts":[]` }),
	"keys that are escaped":   inObject(func(int) string { return `"\u0070":0` }),
	"replies many times":      inObject(func(int) string { return `"replyTo":""` }),
	"references":              around(`{"params":{"message":{"referenceTaskIds":[`, `]}}}`, `"x"`),
	"escapes in a text":       around(`{"result":{"parts":[{"text":"`, `"}]}}`, `\u0001`),
	"a long key":              around(`{"result":{"`, `":0,"parts":[{"text":"a"}]}}`, `k`),
	"a long text":             around(`{"params":{"message":{"parts":[{"text":"`, `"}]}}}`, `x`),
	"artifacts":               around(`{"result":{"artifacts":[`, `]}}`, `{"parts":[{"":0}]}`),
	"artifacts with text":     around(`{"result":{"status":{},"artifacts":[`, `]}}`, `{"parts":[{"text":"a"}]}`),
	"a status with parts":     around(`{"result":{"status":{"state":"failed","message":{"parts":[`, `]}}}}`, `{"":0}`),
	"no JSON":                 around(`{"result":[`, ``, `{"":0}`),
	"errors in errors":        func(n int) string { return nested(`{"error":`, n) },
	"lists in lists":          func(n int) string { return `{"result":` + nested(`[`, n) + `}` },
	"artifacts, then a short": around(`{"result":{"artifact":{"parts":[{"text":"a"}]},"artifacts":[`, `]}}`, `{}`),
}

func inMessage(part string) func(int) string {
	return func(size int) string {
		const head, tail = `{"params":{"message":{"parts":[`, `]}},"result":{"parts":[`
		return around(head, tail+part+`]}}`, part)(size/2) +
			strings.Repeat(" ", size/2)
	}
}

func around(head, tail, piece string) func(int) string {
	return func(size int) string {
		sep := ","
		if strings.HasSuffix(head, `"`) {
			sep = ""
		}
		n := max(1, size/(len(piece)+len(sep)))
		return head + strings.TrimSuffix(strings.Repeat(piece+sep, n), ",") + tail
	}
}

func inObject(member func(i int) string) func(int) string {
	return func(size int) string {
		var all []string
		for i, n := 0, 0; n < size; i++ {
			all = append(all, member(i))
			n += len(all[i]) + 1
		}
		inner := "{" + strings.Join(all, ",") + "}"
		return `{"params":{"message":` + inner + `},"result":` + inner + `}`
	}
}

func nested(opens string, size int) string {
	depth := min(9000, size/(len(opens)+1))
	closes := strings.Repeat(map[byte]string{'{': "}", '[': "]"}[opens[0]], depth)
	return strings.Repeat(opens, depth) + `"` + strings.Repeat("x", size) + `"` + closes
}

// readers are all that is done with what others wrote in JSON, except where it is stored or handed on as it is.
var readers = map[string]func(json.RawMessage){
	"Text":       func(raw json.RawMessage) { Text(raw) },
	"Summary":    func(raw json.RawMessage) { Summary(raw) },
	"Shown":      func(raw json.RawMessage) { Shown(raw) },
	"Readable":   func(raw json.RawMessage) { Readable(raw, Summary(raw)) },
	"Replies":    func(raw json.RawMessage) { Replies(raw) },
	"References": func(raw json.RawMessage) { _ = slices.Collect(References(raw)) },
	"StateOf":    func(raw json.RawMessage) { StateOf(raw) },
	"TaskID":     func(raw json.RawMessage) { TaskID(raw) },
	"TaskFailure": func(raw json.RawMessage) {
		TaskFailure(raw)
	},
	"ReportedState": func(raw json.RawMessage) { ReportedState(raw) },
	"Words":         func(raw json.RawMessage) { Words(raw) },
	"shortened":     func(raw json.RawMessage) { shortened(raw) },
	"Repair":        func(raw json.RawMessage) { Repair(raw) },
	"Compact":       func(raw json.RawMessage) { _, _ = Compact(raw) },
	"Result":        func(raw json.RawMessage) { Result(raw) },
	"CallID":        func(raw json.RawMessage) { CallID(raw) },
	"Digest":        func(raw json.RawMessage) { Digest(Message{Body: raw}, 0) },
	"Split":         func(raw json.RawMessage) { Message{Body: raw, Answer: raw}.Split() },
	"OwesAnswer":    func(raw json.RawMessage) { ended(raw).OwesAnswer() },
	"Answered":      func(raw json.RawMessage) { ended(raw).Answered("id") },
	"Deliver":       func(raw json.RawMessage) { Message{State: InFlight}.Deliver("taken", raw, "", time.Time{}) },
	"Stream": func(raw json.RawMessage) {
		var s Stream
		s.Add(raw)
		s.Answer()
	},
}

// ended is a message that a peer wrote and its agent answered.
func ended(raw json.RawMessage) Message {
	return Message{Workspace: "a", Source: "b", State: Delivered, Body: raw, Answer: raw}
}

// allocated is how many bytes and how many values a function allocates.
func allocated(do func()) (size, count uint64) {
	size, count = ^uint64(0), ^uint64(0)
	for range 3 { // a pool that was emptied meanwhile, or what runs beside the test, adds to one of them
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		do()
		runtime.ReadMemStats(&after)
		size, count = min(size, after.TotalAlloc-before.TotalAlloc), min(count, after.Mallocs-before.Mallocs)
	}
	return size, count
}

// Whatever shape the JSON of others has, who reads it takes memory in proportion to its bytes, and twice of it for
// twice as much. The bound is on all that is allocated in a reading, most of which is garbage at once.
func TestHostileJSONIsReadInProportionToItsBytes(t *testing.T) {
	const size, factor = 8 << 10, 80
	for shape, written := range hostile {
		one, two := json.RawMessage(written(size)), json.RawMessage(written(2*size))
		for name, read := range readers {
			bytes, count := allocated(func() { read(one) })
			bytesOfTwo, countOfTwo := allocated(func() { read(two) })
			if most := uint64(factor*len(one)) + 16<<10; bytes > most {
				t.Errorf("%s of %s: %d bytes are allocated for %d", name, shape, bytes, len(one))
			}
			if bytesOfTwo > 23*bytes/10+uint64(8*len(two)) || countOfTwo > 23*count/10+200 {
				t.Errorf("%s of %s: %d bytes in %d, of twice as much %d in %d",
					name, shape, bytes, count, bytesOfTwo, countOfTwo)
			}
		}
	}
}

// However many events an answer is streamed in, each costs what it has itself, and not what came before it.
func TestHostileStreamsAreReadInProportionToTheirBytes(t *testing.T) {
	for name, event := range map[string]func(i int) string{
		"artifacts":    func(i int) string { return fmt.Sprintf(`{"result":{"artifact":{"artifactId":"%d"}}}`, i) },
		"pieces":       func(int) string { return `{"result":{"append":true,"artifact":{"parts":[{"text":"a"}]}}}` },
		"one artifact": func(int) string { return `{"result":{"artifact":{"artifactId":1,"parts":[{"":0}]}}}` },
		"statuses":     func(int) string { return `{"result":{"taskId":"t","status":{"state":"working"}}}` },
		"whole tasks":  func(int) string { return `{"result":{"artifacts":[{},{}],"status":{"state":"working"}}}` },
		"numbers":      func(int) string { return `{"result":1}` },
		"pieces of an id": func(i int) string {
			return fmt.Sprintf(`{"artifactUpdate":{"append":true,"artifact":{"artifactId":%d,"parts":[0]}}}`, i%7)
		},
	} {
		stream := func(n int) func() {
			events := make([]json.RawMessage, n)
			for i := range events {
				events[i] = json.RawMessage(event(i))
			}
			return func() {
				var s Stream
				for _, e := range events {
					s.Add(Repair(e))
				}
				Text(s.Answer())
			}
		}
		bytes, count := allocated(stream(1000))
		bytesOfTwo, countOfTwo := allocated(stream(2000))
		if bytesOfTwo > 23*bytes/10 || countOfTwo > 23*count/10 {
			t.Errorf("%s: %d bytes in %d, of twice as much %d in %d", name, bytes, count, bytesOfTwo, countOfTwo)
		}
		if most := uint64(40 * 1000 * len(event(999))); bytes > most {
			t.Errorf("%s: %d bytes are allocated, more than %d", name, bytes, most)
		}
	}
}
