package dynamo

import (
	"encoding/json"
	"strconv"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/rollcall/rollcall/shared/chat"
	"github.com/rollcall/rollcall/shared/fault"
	"github.com/rollcall/rollcall/shared/token"
)

type item = map[string]types.AttributeValue

func str(s string) types.AttributeValue { return &types.AttributeValueMemberS{Value: s} }

func num(n int64) types.AttributeValue {
	return &types.AttributeValueMemberN{Value: strconv.FormatInt(n, 10)}
}

// millis stores a time in milliseconds since 1970.
func millis(t time.Time) types.AttributeValue { return num(t.UnixMilli()) }

func hashValue(h token.Hash) types.AttributeValue { return &types.AttributeValueMemberB{Value: h[:]} }

func strOf(av types.AttributeValue) string {
	if s, ok := av.(*types.AttributeValueMemberS); ok {
		return s.Value
	}
	return ""
}

func intOf(av types.AttributeValue) int64 {
	if n, ok := av.(*types.AttributeValueMemberN); ok {
		i, _ := strconv.ParseInt(n.Value, 10, 64) // written by num
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

// asStored is a time as it is read again.
func asStored(t time.Time) time.Time {
	if t.IsZero() {
		return t
	}
	return timeOf(millis(t))
}

func hashOf(av types.AttributeValue) token.Hash {
	if b, ok := av.(*types.AttributeValueMemberB); ok && len(b.Value) == len(token.Hash{}) {
		return token.Hash(b.Value)
	}
	return token.Hash{}
}

// textOf is a text as bytes, nil when it is empty.
func textOf(av types.AttributeValue) json.RawMessage {
	if text := strOf(av); text != "" {
		return json.RawMessage(text)
	}
	return nil
}

// recordAttribute holds, as JSON, what is only ever read whole.
const recordAttribute = "rec"

// encodeRecord puts v into an item that is kept until a time.
func encodeRecord(it item, v any, until time.Time) error {
	raw, err := chat.Marshal(v)
	if err != nil {
		return fault.Store("encode record", err)
	}
	it[recordAttribute], it[TTLAttribute] = str(string(raw)), num(until.Unix())
	return nil
}

// decodeRecord reads what encodeRecord wrote.
func decodeRecord[T any](it item) (v T, err error) {
	if err := json.Unmarshal([]byte(strOf(it[recordAttribute])), &v); err != nil {
		return v, fault.Store("decode record", err)
	}
	return v, nil
}

// ItemSize is DynamoDB's own measure of an item: names, and values by type.
// Source: DynamoDB Developer Guide, "DynamoDB item sizes and formats".
func ItemSize(it item) int {
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
