package dynamo

import (
	"encoding/json"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// What is stored is read without harm, also when another version or a hand at a console wrote it: a broken
// item is an error, and ends no function.
func FuzzStoredItem(f *testing.F) {
	for _, seed := range []string{
		`{"pk":"W#w","sk":"M#m","rec":"{\"Seq\":1}","open":"050#x"}`, `{"rec":"null"}`, `{"rec":"{"}`, `{"id":7}`,
		`{"sk":"E#m#1"}`, `{"sk":"E#"}`, `{"open":"#"}`, `{"card":"{}","tier":9e99}`, `{"rec":"[]","answer":"x"}`,
	} {
		f.Add([]byte(seed), []byte{1, 2, 3})
	}
	f.Fuzz(func(_ *testing.T, raw, bytes []byte) {
		var members map[string]any
		if json.Unmarshal(raw, &members) != nil {
			return
		}
		it := item{"cred": &types.AttributeValueMemberB{Value: bytes}}
		for name, v := range members {
			switch x := v.(type) {
			case string:
				it[name] = str(x)
			case float64:
				number, _ := json.Marshal(x) // a number that was read
				it[name] = &types.AttributeValueMemberN{Value: string(number)}
			default:
				it[name] = &types.AttributeValueMemberBOOL{Value: true}
			}
		}
		decodeFacts(it)
		decodeProfile(it)
		parseOpenOrder(strOf(it[OpenOrder]))
		parseLostOrder(strOf(it[OpenOrder]))
		_, _ = decodeMessage(it)
		_, _ = decodeRow(it)
		_, _ = parseOutboxKey(strOf(it[ChatSort]))
	})
}
