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
  append(...kids) { this.kids.push(...kids); return kids[0] },
  on: {}, addEventListener(what, then) { this.on[what] = then } })
const shown = Object.fromEntries(['rows', 'at', 'sign', 'out', 'credential'].map(id => [id, element()]))
const stored = new Map()
const sessionStorage = { getItem: k => stored.get(k) ?? null, setItem: (k, v) => stored.set(k, v),
  removeItem: k => stored.delete(k) }
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

// signing is a browser of a platform that answers to one credential. It signs in
// with a wrong one, then with the good one, and signs out.
const signing = `
const fetch = async (path, { headers = {} } = {}) => {
  if (path.includes('good')) throw new Error('the credential is in an address')
  const status = headers.authorization === 'Bearer good' ? 200 : 401
  const w = { id: 'secret-workspace', name: 'n', status: 'online', delivery: {}, inbox: {} }
  const fleet = { workspaces: [w], next: null }
  const refused = { error: 'nobody has this credential' }
  return { ok: status === 200, status, json: async () => status === 200 ? fleet : refused }
}
const setTimeout = () => {}
const settle = async () => { for (let i = 0; i < 50; i++) await null }
const state = what => console.log(what + ': ' + JSON.stringify({ form: !shown.sign.hidden, out: !shown.out.hidden,
  kept: stored.get('credential') ?? null, rows: shown.rows.textContent.includes('secret-workspace'),
  at: shown.at.textContent }))
const signIn = async credential => {
  shown.credential.value = credential
  shown.sign.on.submit({ preventDefault() {} })
  await settle()
}
`

const signingPlay = `
;(async () => {
  await settle(); state('first')
  await signIn('bad'); state('bad')
  await signIn(' good '); state('good')
  look(); shown.out.on.click(); await settle(); state('out')
})()
`

func TestTheConsoleSignsInAndOut(t *testing.T) {
	_, script, _ := strings.Cut(consolePage, "<script>")
	script, _, _ = strings.Cut(script, "</script>")
	head, _, _ := strings.Cut(browser, "let calls")
	out, err := exec.Command("node", "-e", head+signing+script+signingPlay).CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	for _, want := range []string{
		`first: {"form":true,"out":false,"kept":null,"rows":false,"at":""}`,
		`bad: {"form":true,"out":false,"kept":null,"rows":false,"at":"nobody has this credential"}`,
		`good: {"form":false,"out":true,"kept":"good","rows":true,"at":"As of`,
		`out: {"form":true,"out":false,"kept":null,"rows":false,"at":"Signed out."}`,
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("want %s\n%s", want, out)
		}
	}
}
