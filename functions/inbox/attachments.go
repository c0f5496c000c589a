package main

import (
	"cmp"
	"encoding/json"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/chat"
)

// maxAttachments bounds the attachments that a row lists, in bytes: they stand in
// the message a second time, and an answer has to hold a page of rows.
const maxAttachments = 8 << 10

// file is what A2A's versions call a file: 0.2 and 0.3 put it under file, 1.0 and
// some older senders into the part itself.
type file struct {
	URI       string `json:"uri"`
	URL       string `json:"url"`
	Name      string `json:"name"`
	Filename  string `json:"filename"`
	MimeType  string `json:"mimeType"`
	MimeSnake string `json:"mime_type"`
	MediaType string `json:"mediaType"`
}

func (f file) attachment(kind string) api.Attachment {
	return api.Attachment{
		Kind: kind, URI: cmp.Or(f.URI, f.URL), Name: cmp.Or(f.Name, f.Filename),
		MimeType: cmp.Or(f.MimeType, f.MimeSnake, f.MediaType),
	}
}

// filePart is a part of a message, as far as it tells of a file.
type filePart struct {
	Kind string `json:"kind"`
	Type string `json:"type"`
	File *file  `json:"file"`
	file
}

// attachmentsOf lists a message's files, at most maxAttachments of them. A part
// that can't be read, or that names neither a place nor a name, is left out.
func attachmentsOf(body json.RawMessage) (out []api.Attachment) {
	var b struct {
		Params struct {
			Message struct {
				Parts []json.RawMessage `json:"parts"`
			} `json:"message"`
		} `json:"params"`
	}
	if json.Unmarshal(body, &b) != nil {
		return nil
	}
	size := 0
	for _, raw := range b.Params.Message.Parts {
		var p filePart
		if json.Unmarshal(raw, &p) != nil {
			continue
		}
		if a, ok := p.attachment(); ok {
			if size += chat.EncodedSize(a); size > maxAttachments {
				return out
			}
			out = append(out, a)
		}
	}
	return out
}

// attachment is the file that a part is; ok is false when it is none.
func (p filePart) attachment() (a api.Attachment, ok bool) {
	kind := cmp.Or(p.Kind, p.Type)
	switch kind {
	case "file", "image", "audio", "video":
	case "":
		kind = "file" // A2A 1.0 names no kind
	default:
		return a, false
	}
	f := p.file
	if p.File != nil {
		f = *p.File
	}
	a = f.attachment(kind)
	return a, a.URI != "" || a.Name != ""
}
