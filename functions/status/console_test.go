package main

import (
	"os/exec"
	"strings"
	"testing"
)

// browser is as much of one as the console needs: fleet workspaces are served in
// pages of at most 500, and the second look at them fails. It prints what is
// then on the page.
const browser = `
const element = () => ({ text: '', kids: [],
  set textContent(t) { this.text = String(t); this.kids = [] },
  get textContent() { return this.text + this.kids.map(k => k.textContent ?? k).join(' ') },
  set innerHTML(t) { throw new Error('nothing is written as HTML') },
  insertRow() { return this.append(element()) },
  insertCell() { return this.append(element()) },
  replaceChildren() { this.kids = [] },
  append(...kids) { this.kids.push(...kids); return kids[0] } })
const shown = { rows: element(), at: element() }
const document = { getElementById: id => shown[id], createElement: element }
let calls = 0, looks = 0
const fetch = async path => {
  if (looks) return { ok: false, status: 503, json: async () => ({ message: 'Service Unavailable' }) }
  calls++
  const q = new URL(path, 'http://rollcall').searchParams
  const from = +(q.get('cursor') ?? '0&').match(/^(.*)&$/)?.[1], to = Math.min(fleet_size, from + +q.get('limit'))
  if (Number.isNaN(from)) throw new Error('the cursor came back spoiled')
  const workspaces = Array.from({ length: to - from }, (_, i) => (
    { id: 'w' + (from + i), name: '<b>\u202e\u001b',
      status: 'online', reason: 'healthy', hint: '', delivery: {}, inbox: {},
      ...(i == 1 && { faulty_hop: 'network', remarks: [{ text: '2 <i>', command: 'rollcall redrive w1' }] }) }))
  return { ok: true, json: async () => ({ workspaces, next: to < fleet_size ? to + '&' : null }) }
}
const setTimeout = again => {
  if (looks++ == 0) return again()
  const rows = shown.rows.kids
  const ends = rows.slice(0, 2).map(r => r.textContent).join('; ') + '; ' + rows[rows.length - 1].textContent
  console.log(calls + ' calls, ' + rows.length + ' rows; ' + ends + '; ' + shown.at.textContent)
}
`

func TestTheConsoleShowsTheFleet(t *testing.T) {
	_, script, _ := strings.Cut(consolePage, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	for size, want := range map[string][]string{
		"0": {"1 calls, 1 rows", "no workspace yet"},
		"3": {
			"1 calls, 3 rows", `<b>\u{202e}\u{1b}w0`, "at fault: the network", "2 <i>  rollcall redrive w1",
			`<b>\u{202e}\u{1b}w2`, "As of ",
			"Can’t be asked right now: HTTP 503",
		},
		"1200": {"3 calls, 1200 rows", `<b>\u{202e}\u{1b}w1199`},
		"2000": {"4 calls, 2000 rows", `<b>\u{202e}\u{1b}w1999`},
		"2600": {"5 calls, 2001 rows", "There are more than these 2000: rollcall status shows all."},
	} {
		out, err := exec.Command("node", "-e", "const fleet_size = "+size+browser+script).CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, w := range want {
			if !strings.Contains(string(out), w) {
				t.Errorf("%s workspaces: without %q: %s", size, w, out)
			}
		}
	}
}
