// Package openapi checks real calls against the API's description: its transport compares
// each request and answer with /openapi.json.
package openapi

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"sync"

	"github.com/rollcall/rollcall/shared/api/apidoc"
)

// Checker is an http.RoundTripper that makes calls with Base and records where they depart
// from the document.
type Checker struct {
	Base http.RoundTripper
	Path string // the path of the API on its server; "" is the root

	mu         sync.Mutex
	doc        *apidoc.Document
	departures []string
	seen       map[string]bool
}

// New reads a document.
func New(raw []byte) (*Checker, error) {
	doc, err := apidoc.New(raw)
	if err != nil {
		return nil, err
	}
	return &Checker{Base: http.DefaultTransport, doc: doc, seen: map[string]bool{}}, nil
}

// Departures lists where the calls so far departed from the document.
func (c *Checker) Departures() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]string(nil), c.departures...)
}

// Seen are the operations and statuses that were called, as "GET /x 200".
func (c *Checker) Seen() map[string]bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return maps.Clone(c.seen)
}

// RoundTrip implements http.RoundTripper.
func (c *Checker) RoundTrip(r *http.Request) (*http.Response, error) {
	var sent []byte
	if r.Body != nil {
		var err error
		if sent, err = io.ReadAll(r.Body); err != nil {
			return nil, err
		}
		r.Body.Close()
		r = r.Clone(r.Context())
		r.Body = io.NopCloser(bytes.NewReader(sent))
	}
	resp, err := c.Base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	got, err := io.ReadAll(resp.Body)
	resp.Body.Close()
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.check(r, sent, resp, got); err != nil {
		c.departures = append(c.departures,
			fmt.Sprintf("%s %s -> %d: %v", r.Method, r.URL.RequestURI(), resp.StatusCode, err))
	}
	return resp, nil
}

func (c *Checker) check(r *http.Request, sent []byte, resp *http.Response, got []byte) error {
	route := c.doc.Route(r.Method, strings.TrimPrefix(r.URL.EscapedPath(), c.Path))
	if route == "" {
		return c.doc.CheckNotFound(resp.StatusCode, got)
	}
	if resp.StatusCode < 400 { // a refused request may be invalid
		if err := c.doc.CheckRequest(route, r.URL.Query(), sent); err != nil && !apidoc.TellsDropped(got) {
			return err
		}
	}
	c.seen[fmt.Sprintf("%s %d", route, resp.StatusCode)] = true
	return c.doc.CheckReply(route, resp.StatusCode, resp.Header.Get("Content-Type"), got)
}
