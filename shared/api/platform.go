package api

import (
	"time"
)

// GetHealth is the call that says whether the platform works.
var GetHealth = declare[None, Health](Operation{
	Function: "status", Route: "GET /healthz", ID: "getOldHealth", Tag: "platform",
	Summary: "Whether calls can be served, and whether the sweeper runs",
	Description: "200 while calls can be served, 503 when the store can't be asked. A sweeper that does not run is 200 " +
		"with the status degraded: agents and senders are still served, so a load balancer must not take the API out of " +
		"service. Watch the member status, or the alarm SweeperSilent.",
	Access: ByAnyone,
	Errors: errs(),
})

// GetOldHealth is GetHealth by the name that it has in the reference server.
var GetOldHealth = declare[None, Health](Operation{
	Function: "status", Route: "GET /health", ID: "getHealth", Tag: "platform",
	Summary: "The same as /healthz, by the name that older platforms have",
	Access:  ByAnyone,
	Errors:  errs(),
})

// Health is the answer of a platform that can be asked.
type Health struct {
	Status       string    `json:"status" enum:"ok,degraded" description:"degraded: no sweep has ended for ROLLCALL_OUTAGE_AFTER (three minutes)"`
	Sweeper      string    `json:"sweeper" description:"how the sweeper is, in words"`
	SweepEndedAt time.Time `json:"last_sweep_ended_at,omitzero" description:"absent: no sweep has ended yet"`
	Hint         string    `json:"hint,omitempty" description:"what mends it"`
}

// Packed is a text of the build, plain and compressed.
type Packed struct {
	Text string
	Gzip []byte // the same, for who takes it so; nil: there is only the text
}

// Compressed implements Compressible.
func (p Packed) Compressed() []byte { return p.Gzip }

// HTMLPage is a page for a browser.
type HTMLPage struct{ Packed }

// Content implements Content.
func (p HTMLPage) Content() (contentType string, body []byte) { return HTML, []byte(p.Text) }

// GetConsole is the console page.
var GetConsole = declare[None, HTMLPage](Operation{
	Function: "status", Route: "GET /", ID: "getConsole", Tag: "platform",
	Summary: "The console",
	Access:  ByAnyone,
	Replies: []Reply{{Status: 200, Description: "a page", Types: []string{HTML}}},
})

// GetConsoleFile is a file that the console page loads.
var GetConsoleFile = declare[ConsoleFileRequest, File](Operation{
	Function: "status", Route: "GET /console/{file}", ID: "getConsoleFile", Tag: "platform",
	Summary: "A file of the console: its script, its style, its icon",
	Access:  ByAnyone,
	Replies: []Reply{{Status: 200, Description: "the file", Types: []string{Script, Style, Icon}}},
	Errors:  []int{400, 404},
})

// ConsoleFileRequest names a file.
type ConsoleFileRequest struct {
	File string `json:"-" path:"file" description:"its name, as the page has it"`
}

// File is a text that a page loads.
type File struct {
	Type string
	Packed
}

// Content implements Content.
func (f File) Content() (contentType string, body []byte) { return f.Type, []byte(f.Text) }

// Lasting implements Tagged: the tag is weak, and so one for the plain and the compressed file.
func (f File) Lasting() any { return []string{f.Type, f.Text} }

// GetDocs is the description of the API as a page.
var GetDocs = declare[None, HTMLPage](Operation{
	Function: "status", Route: "GET /docs", ID: "getDocumentation", Tag: "platform",
	Summary: "This description, to read",
	Access:  ByAnyone,
	Replies: []Reply{{Status: 200, Description: "a page", Types: []string{HTML}}},
})

// Document is the description of the API, an OpenAPI 3.1 document.
type Document struct{ Packed }

// MarshalJSON implements json.Marshaler.
func (d Document) MarshalJSON() ([]byte, error) { return []byte(d.Text), nil }

// GetDocument is the description of the API.
var GetDocument = declare[None, Document](Operation{
	Function: "status", Route: "GET /openapi.json", ID: "getDocument", Tag: "platform",
	Summary: "This description",
	Access:  ByAnyone,
})

// NotFound is every call that no other operation serves; its reply is an error.
var NotFound = declare[None, None](Operation{Function: "status", Route: CatchAll, Access: ByAnyone})
