package faults

import (
	"encoding/json"
	"net/http"

	"github.com/rollcall/rollcall/localstack/platform/wire"
)

type object = map[string]json.RawMessage

// queue is the URL of a call's queue.
func queue(c wire.Call) string {
	var in struct{ QueueUrl string }
	_ = json.Unmarshal(c.Body, &in) // the SDK wrote it
	return in.QueueUrl
}

// partial does all of a batch but its last entry, and says that this wasn't done.
func partial(c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
	if c.Operation == "BatchGetItem" {
		return partialGet(c, next)
	}
	var in object
	var entries []struct{ Id string }
	var whole []json.RawMessage
	if json.Unmarshal(c.Body, &in) != nil || json.Unmarshal(in["Entries"], &entries) != nil || json.Unmarshal(in["Entries"], &whole) != nil || len(entries) == 0 {
		return next(c)
	}
	last := len(entries) - 1
	a := wire.Answer{Status: http.StatusOK, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}}, Body: []byte("{}")}
	if last > 0 { // a batch of none is refused
		in["Entries"] = encode(whole[:last])
		c.Body = encode(in)
		a = next(c)
	}
	var out struct{ Successful, Failed []json.RawMessage }
	if a.Status != http.StatusOK || json.Unmarshal(a.Body, &out) != nil {
		return a
	}
	out.Failed = append(out.Failed, encode(map[string]any{"Id": entries[last].Id, "Code": "InternalError", "Message": "not done", "SenderFault": false}))
	return changed(a, out)
}

// keys are those of a BatchGetItem of one table.
func keys(c wire.Call) []json.RawMessage {
	_, _, out := asked(c)
	return out
}

func asked(c wire.Call) (table string, request object, keys []json.RawMessage) {
	var in struct{ RequestItems map[string]object }
	if json.Unmarshal(c.Body, &in) != nil || len(in.RequestItems) != 1 {
		return "", nil, nil
	}
	for table, request = range in.RequestItems {
		_ = json.Unmarshal(request["Keys"], &keys) // the SDK wrote it
	}
	return table, request, keys
}

// partialGet reads all keys but the last, which is left to be asked for again.
func partialGet(c wire.Call, next func(wire.Call) wire.Answer) wire.Answer {
	table, request, keys := asked(c)
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
	var before map[string]json.RawMessage // what the store itself left
	if json.Unmarshal(out["UnprocessedKeys"], &before) == nil {
		_ = json.Unmarshal(before[table], &left)
	}
	request["Keys"] = encode(append(left.Keys, keys[last]))
	out["UnprocessedKeys"] = encode(map[string]object{table: request})
	return changed(a, out)
}

// changed is an answer with another body, whose checksum is the old one's.
func changed(a wire.Answer, body any) wire.Answer {
	a.Header = a.Header.Clone()
	a.Header.Del("X-Amz-Crc32")
	a.Body = encode(body)
	return a
}

func encode(v any) json.RawMessage {
	raw, _ := json.Marshal(v) // what was just decoded
	return raw
}
