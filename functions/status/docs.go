package main

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"sync"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// openapi is the OpenAPI 3.1 document of the whole API, and docsPage the same as a page to read. They are generated
// from shared/api: go generate ./shared/api.
var (
	//go:embed openapi.json
	openapi string
	//go:embed docs.html
	docsPage string
)

// They are compressed when they are asked for first.
var (
	packedOpenAPI = sync.OnceValue(func() api.Packed {
		var compact bytes.Buffer
		if json.Compact(&compact, []byte(openapi)) != nil {
			return api.Packed{Text: openapi} // it is generated, and a test reads it
		}
		return pack(compact.String())
	})
	packedDocs = sync.OnceValue(func() api.Packed { return pack(docsPage) })
)

func document(context.Context, httpapi.Call, api.None) (api.Document, error) {
	return api.Document{Packed: packedOpenAPI()}, nil
}

func docs(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
	return api.HTMLPage{Packed: packedDocs()}, nil
}
