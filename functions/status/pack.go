package main

import (
	"bytes"
	"compress/gzip"
	"io"

	"github.com/rollcall/rollcall/shared/api"
)

// leastPacked is how long a text is at least that is compressed: a shorter one fits into the first packets either way.
const leastPacked = 1 << 10

// pack compresses a text of the build. It is done once for each function that runs, and only when somebody asks.
func pack(text string) api.Packed {
	out := api.Packed{Text: text}
	if len(text) < leastPacked {
		return out
	}
	var packed bytes.Buffer
	w, err := gzip.NewWriterLevel(&packed, gzip.BestCompression)
	if err == nil {
		_, err = io.WriteString(w, text)
	}
	if err == nil {
		err = w.Close()
	}
	if err == nil { // a buffer takes everything: without it, the text goes out as it is
		out.Gzip = packed.Bytes()
	}
	return out
}
