package dynamo

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/workspace"
)

// countedReads counts the queries, and the items that they read.
type countedReads struct {
	API
	queries, items int
}

// Query implements API.
func (c *countedReads) Query(
	ctx context.Context, in *dynamodb.QueryInput, with ...func(*dynamodb.Options),
) (*dynamodb.QueryOutput, error) {
	out, err := c.API.Query(ctx, in, with...)
	c.queries++
	if err == nil {
		c.items += int(out.ScannedCount)
	}
	return out, err
}

// To list what is lost costs one query, which reads what is lost: nothing that was delivered, and nothing that is open.
// What is lost costs the list of what is open nothing.
func TestWhatIsLostIsFoundByItself(t *testing.T) {
	s := newStore(t)
	counted := &countedReads{API: s.DB}
	s.DB = counted
	life := workspace.Life{Workspace: "w"}
	for i := range 60 {
		m := chat.Message{
			ID: fmt.Sprint("m", i), Workspace: "w", Seq: int64(i + 1), State: chat.Delivered, Body: []byte(`{}`),
			AcceptedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour), SettledAt: time.Now(),
		}
		switch {
		case i >= 57:
			m.State, m.SettledAt = chat.Queued, time.Time{}
		case i >= 55:
			m.State = chat.Dead
		}
		if _, err := s.Put(t.Context(), m); err != nil {
			t.Fatal(err)
		}
	}
	*counted = countedReads{API: counted.API}
	lost, err := s.LostMail(t.Context(), life)
	if err != nil || len(lost) != 2 || counted.queries != 1 || counted.items != 2 {
		t.Errorf("%d queries read %d items: %+v, %v", counted.queries, counted.items, lost, err)
	}
	*counted = countedReads{API: counted.API}
	open, err := s.OpenMail(t.Context(), life, 0)
	if err != nil || len(open) != 3 || counted.queries != 1 || counted.items != 3 {
		t.Errorf("%d queries read %d items: %+v, %v", counted.queries, counted.items, open, err)
	}
}
