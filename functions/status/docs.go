package main

import (
	"context"
	_ "embed"

	"github.com/rollcall/rollcall/shared/api"
	"github.com/rollcall/rollcall/shared/httpapi"
)

// openapi is the OpenAPI 3.1 document of the whole API, and docsPage the same as a page to read. They are generated
// from shared/api: go generate ./shared/api.
var (
	//go:embed openapi.json
	openapi []byte
	//go:embed docs.html
	docsPage string
)

func document(context.Context, httpapi.Call, api.None) (api.Document, error) {
	return api.Document(openapi), nil
}

func docs(context.Context, httpapi.Call, api.None) (api.HTMLPage, error) {
	return api.HTMLPage(docsPage), nil
}
