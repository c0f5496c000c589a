package main

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/rollcall/rollcall/shared/httpapi"
)

func TestTheDescriptionHasEveryRouteAndNoOther(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]any
	}
	if err := json.Unmarshal(openapi, &doc); err != nil {
		t.Fatal(err)
	}
	var described, served []string
	for path, methods := range doc.Paths {
		for method := range methods {
			described = append(described, strings.ToUpper(method)+" "+path)
		}
	}
	for _, keys := range httpapi.Routes {
		for _, key := range keys {
			if key != httpapi.CatchAll {
				served = append(served, key)
			}
		}
	}
	slices.Sort(described)
	slices.Sort(served)
	if !slices.Equal(described, served) {
		t.Errorf("described %v\nserved    %v", described, served)
	}
}

func TestThePageShowsEveryRoute(t *testing.T) {
	html, err := docsPage()
	if err != nil {
		t.Fatal(err)
	}
	page := string(html)
	for _, keys := range httpapi.Routes {
		for _, key := range keys {
			if _, path, ok := strings.Cut(key, " "); ok && !strings.Contains(page, "<code>"+path+"</code>") {
				t.Errorf("%s is not on the page", key)
			}
		}
	}
}
