package faults

import (
	"encoding/json"
	"net/http"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

type object = map[string]json.RawMessage

// answer is an answer in the JSON protocols' shape.
func answer(status int, body []byte) wire.Answer {
	return wire.Answer{
		Status: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: body,
	}
}

// queue is the URL of a call's queue.
func queue(c wire.Call) string {
	var in struct {
		QueueURL string `json:"QueueUrl"`
	}
	_ = json.Unmarshal(c.Body, &in) // the SDK wrote it
	return in.QueueURL
}

// partialSend does all of a batch but its last entry, and answers that this one
// failed.
func partialSend(c wire.Call, next wire.Forward) wire.Answer {
	if c.Operation == "BatchGetItem" {
		return partialGet(c, next)
	}
	var in object
	var entries []struct {
		ID string `json:"Id"`
	}
	var whole []json.RawMessage
	if json.Unmarshal(c.Body, &in) != nil || json.Unmarshal(in["Entries"], &entries) != nil ||
		json.Unmarshal(in["Entries"], &whole) != nil || len(entries) == 0 {
		return next(c)
	}
	last := len(entries) - 1
	a := answer(http.StatusOK, []byte("{}"))
	if last > 0 { // SQS refuses an empty batch
		in["Entries"] = encode(whole[:last])
		c.Body = encode(in)
		a = next(c)
	}
	var out struct{ Successful, Failed []json.RawMessage }
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil {
		return a
	}
	out.Failed = append(out.Failed, encode(map[string]any{
		"Id": entries[last].ID, "Code": "InternalError", "Message": "not done", "SenderFault": false,
	}))
	return withBody(a, out)
}

// batchKeys are the keys that a BatchGetItem of one table asks for.
func batchKeys(c wire.Call) []json.RawMessage {
	_, _, keys := batchRequest(c)
	return keys
}

func batchRequest(c wire.Call) (table string, request object, keys []json.RawMessage) {
	var in struct{ RequestItems map[string]object }
	if json.Unmarshal(c.Body, &in) != nil || len(in.RequestItems) != 1 {
		return "", nil, nil
	}
	for table, request = range in.RequestItems {
		_ = json.Unmarshal(request["Keys"], &keys) // the SDK wrote it
	}
	return table, request, keys
}

// partialGet reads all keys but the last, which it returns as unprocessed.
func partialGet(c wire.Call, next wire.Forward) wire.Answer {
	table, request, keys := batchRequest(c)
	var in object
	if len(keys) < 2 || json.Unmarshal(c.Body, &in) != nil {
		return next(c)
	}
	last := len(keys) - 1
	request["Keys"] = encode(keys[:last])
	in["RequestItems"] = encode(map[string]object{table: request})
	c.Body = encode(in)
	a := next(c)
	var out object
	var left struct{ Keys []json.RawMessage }
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil {
		return a
	}
	var before map[string]json.RawMessage // what the store itself did not process
	if json.Unmarshal(out["UnprocessedKeys"], &before) == nil {
		_ = json.Unmarshal(before[table], &left)
	}
	request["Keys"] = encode(append(left.Keys, keys[last]))
	out["UnprocessedKeys"] = encode(map[string]object{table: request})
	return withBody(a, out)
}

// withBody replaces the body of an answer, and removes the checksum of the old one.
func withBody(a wire.Answer, body any) wire.Answer {
	a.Header = a.Header.Clone()
	a.Header.Del("X-Amz-Crc32")
	a.Body = encode(body)
	return a
}

func encode(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // it was just decoded
	return raw
}
