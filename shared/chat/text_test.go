package chat

import (
	"encoding/json"
	"testing"
)

// What a person reads of messages and answers, as A2A 0.2 to 1.0 write them.
func TestText(t *testing.T) {
	for name, c := range map[string]struct{ body, want string }{
		"a message": {
			`{"params":{"message":{"parts":[{"kind":"text","text":"a"},{"type":"text","text":"b"}]}}}`,
			"ab",
		},
		"a message of 1.0": {
			`{"params":{"message":{"parts":[{"text":"a","mediaType":"text/plain"},{"text":"b"}]}}}`,
			"ab",
		},
		"a message of 0.2":       {`{"params":{"message":{"role":"user","content":"a"}}}`, "a"},
		"a list for content":     {`{"params":{"message":{"content":[{"text":"a"}]}}}`, "a"},
		"parts without message":  {`{"params":{"parts":[{"kind":"text","text":"a"}]}}`, "a"},
		"a bare message":         {`{"parts":[{"kind":"text","text":"a"}]}`, "a"},
		"an odd part in between": {`{"parts":[7,{"kind":"text","text":"a"},{"text":{}},null,{"text":"b"}]}`, "ab"},
		"text before files": {
			`{"parts":[{"kind":"file","file":{"uri":"https://x/y"}},{"kind":"text","text":"a"}]}`,
			"a",
		},

		"a message for an answer": {
			`{"result":{"kind":"message","parts":[{"kind":"text","text":"a"}]}}`,
			"a",
		},
		"a message for an answer, of 1.0": {`{"result":{"message":{"parts":[{"text":"a"}]}}}`, "a"},
		"a message for an answer, no RPC": {`{"message":{"parts":[{"text":"a"}]}}`, "a"},
		"a task's artifacts, all": {
			`{"result":{"artifacts":[{"parts":[{"text":"a"},{"text":"b"}]},{"parts":[{"text":"c"}]}]}}`,
			"ab\nc",
		},
		"a task of 1.0":           {`{"result":{"task":{"artifacts":[{"parts":[{"text":"a"}]}]}}}`, "a"},
		"a task without JSON-RPC": {`{"task":{"artifacts":[{"parts":[{"text":"a"}]}]}}`, "a"},
		"artifacts before the status": {
			`{"result":{"status":{"message":{"parts":[{"text":"done"}]}},"artifacts":[{"parts":[{"text":"a"}]}]}}`,
			"a",
		},
		"the status before parts": {
			`{"result":{"parts":[{"text":"p"}],"status":{"message":{"parts":[{"text":"a"}]}}}}`,
			"a",
		},
		"the status where artifacts say no": {
			`{"result":{"status":{"message":{"parts":[{"text":"a"}]}},"artifacts":[{"parts":[]}]}}`,
			"a",
		},
		"a task's history is no answer": {`{"result":{"kind":"task","history":[{"parts":[{"text":"q"}]}]}}`, ""},
		"a file for an answer": {
			`{"result":{"artifacts":[{"parts":[{"url":"https://x/y.pdf","filename":"y.pdf"}]}]}}`,
			"file y.pdf https://x/y.pdf",
		},

		"a file of 0.2": {
			`{"params":{"message":{"parts":[{"file":{"name":"b.png","mimeType":"image/png","uri":"https://x/b.png"}}]}}}`,
			"file b.png (image/png) https://x/b.png",
		},
		"a file of 0.3's protocol buffers": {
			`{"parts":[{"file":{"fileWithUri":"https://x/d","mimeType":"application/pdf"}}]}`,
			"file (application/pdf) https://x/d",
		},
		"a file of 1.0": {
			`{"parts":[{"url":"https://x/b.png","filename":"b.png","mediaType":"image/png"}]}`,
			"file b.png (image/png) https://x/b.png",
		},
		"bytes":         {`{"parts":[{"kind":"file","file":{"name":"b","bytes":"aGVsbG8="}}]}`, "file b (5 bytes)"},
		"bytes of 1.0":  {`{"parts":[{"raw":"aGVsbG8=","mediaType":"image/png"}]}`, "file (image/png) (5 bytes)"},
		"data":          {`{"parts":[{"kind":"data","data":{"k":[1,"x"]}}]}`, `data {"k":[1,"x"]}`},
		"several parts": {`{"parts":[{"data":7},{"url":"https://x"}]}`, "data 7\nfile https://x"},

		"no parts": {`{"params":{"message":{"parts":[]}}}`, ""}, "an odd list": {`{"parts":7}`, ""},
		"no JSON": {`{`, ""}, "a text": {`"a"`, ""}, "a result that is a text": {`{"result":"a"}`, ""},
		"null": {`{"result":null,"parts":null}`, ""},
	} {
		if got := Text(json.RawMessage(c.body)); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

// A client that only looks for parts that are marked as text shows the summary of any other message.
func TestShown(t *testing.T) {
	for body, want := range map[string]string{
		`{"params":{"message":{"parts":[{"kind":"text","text":"a"},{"type":"text","text":"b"},{"text":"c"}]}}}`: "ab",
		`{"params":{"message":{"parts":[{"text":"c"}]}}}`:                                                       "",
		`{"params":{"message":{"parts":[{"kind":"data","data":{}}]}}}`:                                          "",
	} {
		if got := Shown(json.RawMessage(body)); got != want {
			t.Errorf("%s: %q, want %q", body, got, want)
		}
	}
}

func TestStateOf(t *testing.T) {
	for written, want := range map[string]TaskState{
		"submitted": TaskSubmitted, "working": TaskWorking, "input-required": TaskInputRequired, "completed": TaskCompleted,
		"failed": TaskFailing, "rejected": TaskRejected, "canceled": TaskCanceled, "cancelled": TaskCanceled,
		"auth-required": TaskAuthRequired, "TASK_STATE_WORKING": TaskWorking, "TASK_STATE_AUTH_REQUIRED": TaskAuthRequired,
		"TASK_STATE_INPUT_REQUIRED": TaskInputRequired, "unknown": "", "TASK_STATE_UNSPECIFIED": "", "": "",
	} {
		for _, shape := range []string{
			`{"result":{"kind":"task","status":{"state":"%"}}}`, `{"result":{"task":{"status":{"state":"%"}}}}`,
			`{"status":{"state":"%"}}`, `{"task":{"status":{"state":"%"}}}`,
			`{"result":{"kind":"status-update","status":{"state":"%"}}}`, `{"result":{"statusUpdate":{"status":{"state":"%"}}}}`,
		} {
			answer := json.RawMessage(replace(shape, written))
			words, failed := TaskFailure(answer)
			if got := StateOf(answer); got != want || failed != want.Failed() || failed == (words == "") {
				t.Errorf("%s: %q, %v %q", answer, got, failed, words)
			}
		}
	}
}

func replace(shape, state string) string {
	for i := range shape {
		if shape[i] == '%' {
			return shape[:i] + state + shape[i+1:]
		}
	}
	return shape
}

func TestTaskFailure(t *testing.T) {
	for status, want := range map[string]string{
		`{"state":"failed","message":{"parts":[{"text":"no quota"}]}}`:              "no quota",
		`{"state":"rejected","message":{"parts":[{"text":"no"}]}}`:                  "its task is rejected: no",
		`{"state":"TASK_STATE_AUTH_REQUIRED"}`:                                      "its task is auth-required",
		`{"state":"canceled","message":{"parts":[{"kind":"data","data":{"a":1}}]}}`: "its task is canceled",
		`{"state":"completed"}`:                                                     "", `"failed"`: "",
	} {
		if got, _ := TaskFailure(json.RawMessage(`{"result":{"status":` + status + `}}`)); got != want {
			t.Errorf("%s: %q, want %q", status, got, want)
		}
	}
}

func FuzzText(f *testing.F) {
	f.Add([]byte(`{"result":{"task":{"status":{"state":"failed","message":{"parts":[{"text":"a"}]}},"artifacts":[{}]}}}`))
	f.Add([]byte(`{"params":{"message":{"parts":[{"file":{"bytes":"aGk="}},{"data":{}}],"content":"x"}}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		text, shown := Text(body), Shown(body)
		if shown != "" && text == "" {
			t.Errorf("%s: %q is shown, and %q is its text", body, shown, text)
		}
		if _, failed := TaskFailure(body); failed != StateOf(body).Failed() {
			t.Errorf("%s", body)
		}
	})
}
