package main

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/api"
)

func ofParts(parts ...string) json.RawMessage {
	return json.RawMessage(`{"params":{"message":{"parts":[` + strings.Join(parts, ",") + `]}}}`)
}

func TestAttachmentsAreReadAsEveryVersionWritesThem(t *testing.T) {
	png := api.Attachment{Kind: "file", URI: "https://x/b.png", Name: "b.png", MimeType: "image/png"}
	image, nameOnly := png, api.Attachment{Kind: "file", Name: "a"}
	image.Kind = "image"
	for _, c := range []struct {
		part string
		want []api.Attachment
	}{
		{`{"kind":"file","file":{"uri":"https://x/b.png","name":"b.png","mimeType":"image/png"}}`, []api.Attachment{png}},
		{`{"type":"image","file":{"uri":"https://x/b.png","name":"b.png","mime_type":"image/png"}}`, []api.Attachment{image}},
		{`{"kind":"file","uri":"https://x/b.png","name":"b.png","mime_type":"image/png"}`, []api.Attachment{png}},
		{`{"url":"https://x/b.png","filename":"b.png","mediaType":"image/png"}`, []api.Attachment{png}},
		{`{"kind":"file","file":{"bytes":"AA==","name":"a"}}`, []api.Attachment{nameOnly}},
		{`{"kind":"file","file":{"bytes":"AA=="}}`, nil},
		{`{"kind":"file","file":7}`, nil},
		{`{"kind":"text","text":"hello","url":"https://x/"}`, nil},
		{`{"text":"hello"}`, nil},
		{`{"kind":"data","data":{"a":1}}`, nil},
		{`7`, nil},
	} {
		if got := attachmentsOf(ofParts(`{"kind":"text","text":"see"}`, c.part)); !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: %+v", c.part, got)
		}
	}
	for _, body := range []string{`[]`, `{"params":7}`, `{`, ``, `{"params":{"message":{"content":"x"}}}`} {
		if got := attachmentsOf(json.RawMessage(body)); got != nil {
			t.Errorf("%q: %+v", body, got)
		}
	}
}

// A row lists a part of very many, so that it has a bound.
func TestAttachmentsOfARowAreBounded(t *testing.T) {
	var parts []string
	for i := range 1000 {
		parts = append(parts, fmt.Sprintf(`{"kind":"file","file":{"uri":"https://x/%04d"}}`, i))
	}
	got := attachmentsOf(ofParts(parts...))
	if raw, _ := json.Marshal(got); len(got) == 0 || len(got) == 1000 || len(raw) > maxAttachments {
		t.Errorf("%d of them", len(got))
	}
}
