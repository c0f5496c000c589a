// @ts-check
// A small agent that is pushed its mail. Node 20 or newer runs this file as it is: its types stand in comments, which
// TypeScript checks (tsc --checkJs) and an editor shows.
//
//     ROLLCALL_ID=demo ROLLCALL_TOKEN=rcw_... PORT=8000 node agent.mjs
//
// ROLLCALL_URL is the platform, AGENT_URL where it reaches this agent. The credential comes from the environment: an
// operator makes one with rollcall create, and a new one with rollcall repair --show. Exit code 3: it is refused.
import { createHmac, timingSafeEqual } from 'node:crypto'
import { createServer } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'

/** @typedef {{ kind?: string, text?: string }} Part */
/** @typedef {{ in_reply_to?: string, target_id?: string, state?: string }} Metadata */
/** @typedef {{ messageId: string, parts: Part[], referenceTaskIds?: string[], metadata?: Metadata }} Message */
/** @typedef {{ id: unknown, method: string, params: { message: Message } }} Request */
/** @typedef {{ status: number, body?: object, headers?: Record<string, string> }} Answer */

const platform = process.env.ROLLCALL_URL ?? 'http://127.0.0.1:8080'
const id = process.env.ROLLCALL_ID ?? ''
const token = (process.env.ROLLCALL_TOKEN ?? '').replace(/^[ \t\r\n]+|[ \t\r\n]+$/g, '')
const started = Date.now()
const refused = 3
const maxPush = 1 << 20

if (id === '') {
  console.log('ROLLCALL_ID is not set, or is empty: set it to the id of the workspace')
  process.exit(refused)
}
if (!/^[!-~]+$/.test(token)) { // no error shows the credential: an error ends in a log, which others read
  const wrong = token === '' ? 'is not set, or is empty'
    : /^[!-~ \t\r\n]+$/.test(token) ? 'has more than one word' : 'has a character that is no printable ASCII'
  console.log(`ROLLCALL_TOKEN ${wrong}: set it to the credential alone`)
  process.exit(refused)
}

let active = 0
/**
 * @type {Map<string, Answer>} The answers to the last messages, by their signed ids: a call that comes again, because
 * its answer was lost or because somebody repeats it, is answered from here, and worked on once. An agent whose work
 * must not be done twice after a restart keeps the ids in a file.
 */
const done = new Map()
const remembered = 1000
/** @type {(secret: string) => void} */
let setSecret = () => {}
/** @type {Promise<string>} The platform may call before register has answered: such a call waits for the secret. */
const secret = new Promise((resolve) => { setSecret = resolve })

/**
 * Makes one call. Waits and tries again when the platform asks for it or can't be reached.
 * @param {string} path
 * @param {object} body
 * @returns {Promise<any>}
 */
async function call(path, body) {
  for (let attempt = 0; ; attempt++) {
    let wait = Math.min(2 ** attempt, 30)
    try {
      const response = await fetch(platform + path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', authorization: `Bearer ${token}` },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(30_000),
      })
      if (response.ok) return await response.json()
      const problem = await response.json().catch(() => ({ error: 'no reason given' }))
      console.log(`HTTP ${response.status}: ${problem.error}. ${problem.hint ?? ''}`)
      if (![429, 502, 503, 504].includes(response.status)) process.exit(refused)
      wait = Number(response.headers.get('retry-after')) || wait
    } catch (error) {
      console.log(`no answer: ${error}`)
    }
    await sleep(wait * 1000)
  }
}

/**
 * Reports whether the platform signed a call (Standard Webhooks). While the secret is being replaced there are two
 * signatures, and one that matches is enough.
 * @param {import('node:http').IncomingHttpHeaders} headers
 * @param {string} body
 * @param {string} key
 */
export function signed(headers, body, key) {
  const sent = headers['webhook-timestamp']
  if (!(Math.abs(Date.now() / 1000 - Number(sent)) < 300)) return false
  const mac = createHmac('sha256', Buffer.from(key.replace('whsec_', ''), 'base64'))
  const want = mac.update(`${headers['webhook-id']}.${sent}.${body}`).digest()
  return String(headers['webhook-signature']).split(' ').some((one) => {
    const got = Buffer.from(one.replace('v1,', ''), 'base64')
    return one.startsWith('v1,') && got.length === want.length && timingSafeEqual(got, want)
  })
}

/**
 * Does the work. Put the real work here.
 * @param {string} text
 */
async function work(text) {
  if (text.startsWith('fail')) throw new Error('the model answers nothing')
  if (text.startsWith('slow')) await sleep(3000)
  return `you said: ${text}`
}

/**
 * Takes one message: what the platform does with it follows from the answer.
 * @param {Request} request
 * @param {unknown} source
 * @returns {Promise<Answer>}
 */
async function take({ id, method, params }, source) {
  if (method !== 'message/send') { // a probe calls a method that no agent serves; this answer shows that one is here
    return { status: 200, body: { jsonrpc: '2.0', id, error: { code: -32601, message: 'method not found' } } }
  }
  const message = params.message
  if (source === '_rollcall') { // the platform: what this agent sent to another one was not delivered
    const { in_reply_to, target_id, state } = message.metadata ?? {}
    console.log(`not delivered: ${in_reply_to} to ${target_id} is ${state}`)
    return { status: 204 }
  }
  if (message.referenceTaskIds?.length) return { status: 204 } // an answer is taken, and not answered
  if (active > 0) { // busy: it uses up no attempt, and the message comes again
    return { status: 503, headers: { 'retry-after': '1' }, body: { error: 'busy' } }
  }
  active++
  try {
    const text = await work(message.parts.map((part) => part.text ?? '').join(''))
    return { status: 200, body: { jsonrpc: '2.0', id, result: { role: 'agent', parts: [{ kind: 'text', text }] } } }
  } catch (error) { // the message was taken, and its task failed: trying again would not help
    const words = { role: 'agent', parts: [{ kind: 'text', text: String(error) }] }
    const task = { kind: 'task', id: message.messageId, status: { state: 'failed', message: words } }
    return { status: 200, body: { jsonrpc: '2.0', id, result: task } }
  } finally {
    active--
  }
}

/**
 * Reads one call and answers it.
 * @param {import('node:http').IncomingMessage} call
 * @returns {Promise<Answer>}
 */
async function receive(call) {
  const chunks = []
  let size = 0
  for await (const chunk of call) {
    size += chunk.length
    if (size > maxPush) return { status: 413 }
    chunks.push(chunk)
  }
  const body = Buffer.concat(chunks).toString()
  if (!signed(call.headers, body, await secret)) return { status: 401, body: { error: 'not signed by the platform' } }
  return once(String(call.headers['webhook-id']), JSON.parse(body), call.headers['x-source-workspace-id'])
}

/**
 * Takes a message, unless the one with this id was taken.
 * @param {string} messageId
 * @param {Request} request
 * @param {unknown} source
 * @returns {Promise<Answer>}
 */
async function once(messageId, request, source) {
  const before = done.get(messageId)
  if (before) return { ...before, body: before.body && { ...before.body, id: request.id } }
  const answer = await take(request, source)
  if (answer.status < 300) done.set(messageId, answer) // any other is not taken, and comes again
  if (done.size > remembered) done.delete(String(done.keys().next().value))
  return answer
}

const server = createServer((call, reply) => {
  receive(call).catch((error) => ({ status: 500, body: { error: String(error) }, headers: {} })).then((answer) => {
    reply.writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
    reply.end(answer.body && JSON.stringify(answer.body))
  })
})

process.on('SIGTERM', () => process.exit(0))
await new Promise((listening) => server.listen(Number(process.env.PORT ?? 8000), () => listening(undefined)))
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address())
const url = process.env.AGENT_URL ?? `http://127.0.0.1:${port}`
const registered = await call('/registry/register', { id, url, agent_card: { name: 'push-typescript', url } })
setSecret(registered.webhook_secret)
console.log(`registered at ${url}, epoch ${registered.epoch}`)
for (let next = registered.next_heartbeat_seconds; ;) {
  await sleep(next * 1000)
  const uptime = Math.round((Date.now() - started) / 1000)
  const report = { workspace_id: id, active_tasks: active, uptime_seconds: uptime, epoch: registered.epoch }
  next = (await call('/registry/heartbeat', report)).next_heartbeat_seconds
}
