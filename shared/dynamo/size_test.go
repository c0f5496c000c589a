package dynamo

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/delivery"
	"github.com/rollcall/rollcall/shared/fault"
)

// As many messages as one transaction may move fit in it, with the longest history
// that a receipt keeps, and none weighs more than is said of it.
func TestTheLongestHistoriesFitInOneTransaction(t *testing.T) {
	s := &Store{Retention: time.Hour}
	m := chat.Message{ID: strings.Repeat("i", 128), Workspace: "w", Method: "message/send", Body: []byte(`"<\u0000"`)}
	m.Callback = "https://agent.example/" + strings.Repeat("c", 2000)
	for range 20 {
		m.Attempts = append(m.Attempts, chat.Attempt{At: time.Now(), Error: strings.Repeat("\x01", 300)})
	}
	m.Reason = strings.Repeat("\x01", 600)
	m.SettledAt, m.State = time.Now(), chat.Dead
	m, err := m.Redrive(chat.DefaultPolicy(), time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for range 20 {
		m.Attempts = append(m.Attempts, chat.Attempt{At: time.Now(), Error: strings.Repeat("\x01", 300)})
	}
	m.Reason = strings.Repeat("\x01", 600)
	it, err := s.encodeMessage(m)
	if err != nil {
		t.Fatal(err)
	}
	sent := 0
	for _, av := range it {
		raw, err := json.Marshal(av)
		if err != nil {
			t.Fatal(err)
		}
		sent += len(raw)
	}
	if sent > m.Weight() {
		t.Errorf("%d bytes are sent, and it weighs %d", sent, m.Weight())
	}
	if most := delivery.MaxBytes + delivery.MaxMoves*ItemSize(it); most > maxTransaction {
		t.Errorf("%d moves are %d bytes", delivery.MaxMoves, most)
	}
}

// What DynamoDB refuses whenever it is sent is not sent, and no fault of the store.
func TestATransactionThatIsTooLargeIsNotSent(t *testing.T) {
	s := &Store{} // whose client is never called
	large := s.chatPut(item{"body": str(strings.Repeat("x", maxItem-100))})
	small := s.chatPut(item{"body": str("x")})
	gone := types.TransactWriteItem{Delete: &types.Delete{Key: chatKey("p", "s")}}
	for name, writes := range map[string][]types.TransactWriteItem{
		"bytes": repeated(large, 11), "writes": repeated(small, 101), "of items that are deleted": repeated(gone, 11),
	} {
		if _, err := s.transact(t.Context(), writes); fault.CodeOf(err) != fault.Internal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func repeated(w types.TransactWriteItem, n int) (out []types.TransactWriteItem) {
	for range n {
		out = append(out, w)
	}
	return out
}
