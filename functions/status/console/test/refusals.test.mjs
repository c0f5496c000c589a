import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { load } from './bundle.mjs'

const { Problem, Unreachable, notSignedIn, refusal, sentence } = await load('refusals.ts')
const { components } = JSON.parse(readFileSync(new URL('../../openapi.json', import.meta.url), 'utf8'))

test('each refusal says what is wrong and what comes next, and names no flag', () => {
  const codes = [...components.schemas.Problem.properties.code.enum ?? [], 'not_of_this_list', undefined]
  const hints = ['say where its agent calls from (from, --from ADDR), or have one shown (show, --show)', '', undefined]
  for (const code of codes) for (const hint of hints) for (const status of [400, 401, 403, 404, 409, 410, 413, 429, 500, 502, 503, 504]) {
    const said = refusal(new Problem(status, { error: 'its agent works', code, hint }))
    assert.equal(said.what, 'Its agent works.')
    assert.match(said.next, /^[A-Z].*\.$/, `${code}, ${status}`)
    assert.doesNotMatch(said.next, /\(|--(from|show|force)/)
  }
})

test('what can be insisted on says so', () => {
  for (const code of ['credential_in_use', 'credential_pending']) assert.ok(refusal(new Problem(409, { code, error: 'no' })).insist, code)
  assert.equal(refusal(new Problem(409, { code: 'message_not_dead', error: 'no', hint: 'read it' })).insist, undefined)
})

test('of a call without an answer nobody says that nothing was done', () => {
  for (const e of [new Unreachable('no connection'), new Error('broken'), new Problem(500, {}), new Problem(502, { message: 'Bad gateway' })]) {
    assert.match(refusal(e).next, /may have been done/, e.message)
  }
  for (const code of ['internal', 'platform_unavailable']) assert.match(refusal(new Problem(503, { code, hint: 'retry' })).next, /may have been done/)
  assert.equal(refusal(new Problem(429, { retry_after: 7 })).next, 'Nothing was done: try again in 7 s.')
  assert.equal(refusal(new Problem(502, { code: 'webhook_failed', hint: 'look at it' })).next, 'Look at it.')
  assert.match(refusal(new Problem(500, { request_id: 'r-1' })).next, /r-1/)
  assert.equal(refusal(new Unreachable('no connection')).what, 'The platform gave no answer: no connection.')
})

test('a dialog that has what mends it says so in its own words', () => {
  assert.equal(refusal(new Problem(400, { code: 'invalid_request', error: 'no', hint: 'a' }), { invalid_request: 'Write it.' }).next, 'Write it.')
  assert.equal(sentence('say force (force, --force)'), 'Say force.')
  assert.equal(sentence(''), '')
})

test('who signs in with a damaged credential is told what is wrong with it, and no command for signing in', () => {
  const error = 'nobody has this credential, or it was revoked', plain = 'Nobody has this credential, or it was revoked.'
  const made = 'have an admin make a new one with rollcall token create --name NAME --scope operate, then sign in with rollcall login'
  const alone = 'send the credential alone, as it was shown: it stands in quotation marks or in brackets'
  for (const [hint, want] of [
    ['', plain], [undefined, plain], [made, plain],
    [alone, plain + ' Send the credential alone, as it was shown: it stands in quotation marks or in brackets.'],
  ]) assert.equal(notSignedIn(new Problem(401, { error, hint })), want)
})
