// What the tests of the console play on: the platform under test, agents, and a proxy that can be cut.
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdirSync, readFileSync } from 'node:fs'
import http from 'node:http'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { test as testOf } from 'node:test'
import { chromium } from 'playwright-core'

export const platform = process.env.ROLLCALL_URL
export const operator = process.env.ROLLCALL_OPERATOR
export const patience = 90_000 // for a machine that does much else

/** test is a test whose failure says what its pages showed. */
export const test = (name, play) => testOf(name, async t => {
  try {
    await play(t)
  } catch (e) {
    throw await told(t, e)
  }
})

/** call makes a call of the API, and gives its answer. */
export async function call(method, path, body, token = operator) {
  const headers = { 'content-type': 'application/json', ...(token && { authorization: 'Bearer ' + token }) }
  const answer = await fetch(platform + path, { method, headers, body: body && JSON.stringify(body) })
  return { status: answer.status, ...await answer.json() }
}

/** must is call, of a call that has to be served. */
export async function must(...args) {
  const answer = await call(...args)
  if (answer.status >= 300 && typeof answer.status === 'number') throw new Error(`${args[0]} ${args[1]}: ${JSON.stringify(answer)}`)
  return answer
}

/** workspace makes a workspace, and removes it after the test. */
export async function workspace(t, { name, id = 'console-' + randomUUID(), ...more } = {}) {
  const { auth_token: token } = await must('POST', '/workspaces', { id, name, ...more })
  t.after(() => call('DELETE', '/workspaces/' + id))
  const register = (body, credential = token) => call('POST', '/registry/register', { id, ...body }, credential)
  return { id, token, register }
}

/** receiver is a receiver of webhooks: it answers with its status, and keeps what it is told. */
export async function receiver(t) {
  const state = { status: 204, told: [] }
  const { url } = await listens(t, async (request, response) => {
    const event = JSON.parse(await read(request))
    if (state.status < 300) state.told.push({ event, signature: request.headers['webhook-signature'] })
    response.writeHead(state.status).end()
  })
  const ids = () => state.told.map(({ event }) => event.data.workspace_id)
  /** toldOf waits until it is told of a workspace, and is the ids of all that it was told of. */
  const toldOf = async id => {
    for (const end = Date.now() + patience; !ids().includes(id); await new Promise(done => setTimeout(done, 100))) {
      assert.ok(Date.now() < end, 'it is told of ' + id)
    }
    return ids()
  }
  return Object.assign(state, { url, toldOf })
}

/** listens is the address of a server that answers until the test is over. */
async function listens(t, answer) {
  const server = http.createServer(answer)
  await new Promise(done => server.listen(0, '127.0.0.1', done))
  t.after(() => { server.close(); server.closeAllConnections() })
  return { server, url: 'http://127.0.0.1:' + server.address().port }
}

const read = async request => {
  let text = ''
  for await (const part of request) text += part
  return text
}

/** agent is the URL of one that answers each message with what says makes of it. */
export async function agent(t, says = () => ({ kind: 'message', role: 'agent', messageId: randomUUID(), parts: [{ kind: 'text', text: 'Done.' }] })) {
  const { url } = await listens(t, async (request, response) => {
    const { id } = JSON.parse(await read(request))
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify({ jsonrpc: '2.0', id, result: await says() }))
  })
  return url
}

export const send = (id, text) =>
  must('POST', `/workspaces/${id}/a2a`, { message: { role: 'user', messageId: randomUUID(), parts: [{ kind: 'text', text }] } })

/** proxy stands between a page and the platform. While it is cut, no call gets through; while it has a
 * credential, none without it does. */
export async function proxy(t) {
  const state = { cut: false, credential: '' }
  const { server, url } = await listens(t, async (request, response) => {
    if (state.cut) return request.socket.destroy()
    const pages = /^\/($|\?|console\/|docs)/.test(request.url)
    if (state.credential && !pages && request.headers.authorization !== 'Bearer ' + state.credential) {
      response.writeHead(401, { 'content-type': 'application/json' })
      return response.end(JSON.stringify({ error: 'nobody has this credential', code: 'credential_unknown', hint: '', action: 'stop' }))
    }
    const headers = { 'content-type': 'application/json', authorization: 'Bearer ' + operator }
    try {
      const answer = await fetch(platform + request.url, { method: request.method, headers, body: await read(request) || undefined })
      const body = Buffer.from(await answer.arrayBuffer())
      if (state.cut) return request.socket.destroy()
      const kept = ['content-type', 'content-security-policy', 'date', 'etag'].filter(h => answer.headers.get(h))
      response.writeHead(answer.status, Object.fromEntries(kept.map(h => [h, answer.headers.get(h)])))
      response.end(body)
    } catch {
      request.socket.destroy()
    }
  })
  return Object.assign(state, { url, drop: () => { state.cut = true; server.closeAllConnections() } })
}

let browser
const visits = new WeakMap() // of a test: its pages, and what each asked

/** told is a test's error, with what each page of the test shows and knows, and what it asked last. */
export async function told(t, error) {
  const parts = [error instanceof Error ? error.stack : String(error)]
  for (const { page, calls, wrong } of visits.get(t) ?? []) {
    const seen = await page.evaluate(looked).catch(e => `it can't be asked: ${e.message}`)
    parts.push(['The page ' + page.url(), seen, 'It asked last:', ...calls.slice(-15), ...wrong].join('\n'))
  }
  return new Error(parts.join('\n\n'), { cause: error })
}

/** looked is, in the page, what a person sees there, and what the console knows. */
function looked() {
  const most = 6_000, text = document.body.innerText
  const { fleet, ...state } = globalThis.rollcall?.state ?? {}
  const at = document.activeElement
  return [
    'shows: ' + (text.length > most ? text.slice(0, most) + ' …' : text),
    'has the focus on: ' + at?.outerHTML.slice(0, 200),
    'knows: ' + JSON.stringify({ ...state, now: Date.now() }),
    'of the fleet: ' + (fleet?.slice(0, 60).map(w => `${w.id} ${w.status} ${w.reason} ${w.expected}`).join(', ') ?? 'nothing yet'),
  ].join('\n')
}

/** visit opens the console in a browser of its own. What the page loads from elsewhere, breaks or complains of fails the test. */
export async function visit(t, address = '', { at = platform, credential, quiet = true, ...options } = {}) {
  browser ??= await chromium.launch({
    executablePath: process.env.ROLLCALL_CHROMIUM, args: ['--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'],
  })
  const context = await browser.newContext({ viewport: { width: 1440, height: 900 }, timezoneId: 'Europe/Paris', locale: 'en-GB', ...options })
  context.setDefaultTimeout(patience)
  if (credential) await context.addInitScript(secret => sessionStorage.setItem('credential', secret), credential)
  const page = await context.newPage(), wrong = [], calls = [], began = Date.now()
  visits.set(t, [...visits.get(t) ?? [], { page, calls, wrong }])
  const asked = (r, came) => calls.push(`${Date.now() - began} ms: ${r.method()} ${new URL(r.url()).pathname}${new URL(r.url()).search} ${came}`)
  page.on('response', r => asked(r.request(), r.status()))
  page.on('requestfailed', r => asked(r, r.failure()?.errorText))
  page.on('pageerror', e => wrong.push('error: ' + e.message))
  // What the API refuses, such as a workspace that was removed, is for the page to tell.
  const refused = /^Failed to load resource: the server responded with a status of 4\d\d/
  page.on('console', m => { if (m.type() === 'error' && quiet && !refused.test(m.text())) wrong.push('console: ' + m.text()) })
  page.on('request', r => { if (new URL(r.url()).origin !== new URL(at).origin) wrong.push('request: ' + r.url()) })
  page.on('dialog', d => { wrong.push('dialog: ' + d.message()); void d.dismiss() })
  t.after(async () => {
    await context.close()
    if (wrong.length) throw new Error(wrong.join('\n'))
  })
  await page.goto(at + '/' + address)
  return page
}

export const closeBrowser = () => browser?.close()

/** row is the row of a workspace in the fleet. */
export const row = (page, id) => page.locator(`tr[data-id="${id}"]`)

/** shows waits until something on the page has a text. */
export const shows = (at, text) => at.filter({ hasText: text }).first().waitFor()

/** holds waits until a function that is called in the page says so. */
export const holds = (page, what, arg) => page.waitForFunction(what, arg)

/** hidden are the texts, attributes and titles of a page that have a character nobody sees, such as one of direction. */
export const hidden = page => page.evaluate(() => {
  const nodes = document.evaluate('//text() | //@*', document, null, XPathResult.ORDERED_NODE_SNAPSHOT_TYPE)
  const all = [document.title, ...[...Array(nodes.snapshotLength).keys()].map(i => nodes.snapshotItem(i).nodeValue)]
  return all.filter(text => /(?![\u200c\u200d\n])[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text))
})

/** boot runs the example agent, as a supervisor would, until the test is over. */
export function boot(t, args) {
  const child = spawn(process.env.ROLLCALL_AGENT, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', text => { said += text })
  const ended = new Promise(done => child.on('exit', done))
  const stop = async () => { child.kill('SIGKILL'); await ended }
  t.after(stop)
  return { ended, stop, said: () => said }
}

const axe = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** sound fails when axe finds something serious on the page. */
export async function sound(page, where) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate('axe.run()')
  const serious = violations.filter(v => ['serious', 'critical'].includes(v.impact))
  assert.deepEqual(serious.map(v => `${v.id}: ${v.nodes.map(n => n.html + ' ' + n.any.map(a => a.message)).join('; ')}`), [], where)
}

const folder = process.env.ROLLCALL_PICTURES
if (folder) mkdirSync(folder, { recursive: true })

/** picture takes a picture of the page, where ROLLCALL_PICTURES says to put them. */
export async function picture(page, name) {
  if (folder) await page.screenshot({ path: join(folder, name + '.png') })
}
