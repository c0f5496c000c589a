// What the console makes of a text of the API, and that it makes nothing of what others wrote.
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import test from 'node:test'
import { load } from './bundle.mjs'

const { parts, outsideQuotes } = await load('quoted.ts')
const { said } = await load('said.ts')
const { sentence } = await load('refusals.ts')
const { visible } = await load('visible.ts')
const table = JSON.parse(readFileSync(new URL('quotations.json', import.meta.url), 'utf8'))

// commandsIn are the pieces of a text; every second one is a command.
const commandsIn = (text, id, beside) => {
  const out = ['']
  for (const piece of said(text, 0, id, beside)) {
    if (piece.command) out.push(piece.command, '')
    else out[out.length - 1] += piece
  }
  return out
}

test('the commands for the workspace are pieces of a text', () => {
  for (const [text, id, want] of [
    ['repair it with rollcall repair demo --from 127.0.0.1, then restart it', 'demo', ['repair it with ', 'rollcall repair demo --from 127.0.0.1', ', then restart it']],
    ['rollcall repair demo --show shows one', 'demo', ['', 'rollcall repair demo --show', ' shows one']],
    ['it is rollcall repair demo.', 'demo', ['it is ', 'rollcall repair demo', '.']],
    ['rollcall repair demo-2', 'demo', ['rollcall repair demo-2']], ['rollcall repair axb', 'a.b', ['rollcall repair axb']],
    ['rollcall repair demo', '', ['rollcall repair demo']], ['rollcall repair (a)', '(a)', ['rollcall repair (a)']], ['no command', 'demo', ['no command']],
    ['to close this line: rollcall dismiss demo --lost', 'demo', ['to close this line: ', 'rollcall dismiss demo --lost', '']],
    ['rollcall dismiss demo --message m-1.a. Or not', 'demo', ['', 'rollcall dismiss demo --message m-1.a', '. Or not']],
    ['rollcall rotate demo --fetch --force asks it; rollcall cancel demo m_1 ends it', 'demo', ['', 'rollcall rotate demo --fetch --force', ' asks it; ', 'rollcall cancel demo m_1', ' ends it']],
    ['look at rollcall receipts demo 8bc1a3a6-58a2-4c62-9f66-0a4f3c1f9a10; and', 'demo', ['look at ', 'rollcall receipts demo 8bc1a3a6-58a2-4c62-9f66-0a4f3c1f9a10', '; and']],
    ['rollcall cancel demo --from flooder --dry-run counts them', 'demo', ['', 'rollcall cancel demo --from flooder --dry-run', ' counts them']],
    ['rollcall cancel demo MESSAGE ends that message; rollcall cancel demo', 'demo', ['rollcall cancel demo MESSAGE ends that message; rollcall cancel demo']],
    ['it said “rollcall revoke demo --force”; rollcall repair demo', 'demo', ['it said “rollcall revoke demo --force”; ', 'rollcall repair demo', '']],
    ['text/html: "rollcall revoke \\"demo" or rollcall doctor demo', 'demo', ['text/html: "rollcall revoke \\"demo" or ', 'rollcall doctor demo', '']],
    ['from 2001:db8::1: rollcall repair demo --from 2001:db8::1.', 'demo', ['from 2001:db8::1: ', 'rollcall repair demo --from 2001:db8::1', '.']],
  ]) assert.deepEqual(commandsIn(text, id), want, text)
})

test('the command that stands beside a text is not written twice', () => {
  const beside = 'rollcall repair demo --show'
  for (const [text, want] of [
    ['it has none: rollcall repair demo --show shows one; start it', ['it has none: this command shows one; start it']],
    ['place it. rollcall repair demo --show shows another', ['place it. This command shows another']], [beside + ' shows one', ['This command shows one']],
    ['rollcall repair demo, or rollcall repair demo --show', ['', 'rollcall repair demo', ', or this command']],
    ['first see it: rollcall receipts demo', ['first see it: ', 'rollcall receipts demo', '']],
    ['it said “rollcall repair demo --show”', ['it said “rollcall repair demo --show”']],
  ]) assert.deepEqual(commandsIn(text, 'demo', beside), want, text)
})

test('the times in a text are relative too', () => {
  const now = Date.parse('2026-11-25T12:00:00Z'), past = '2026-11-25T11:55:00Z', ahead = '2026-11-25T12:02:00Z'
  const words = text => said(text, now).map(piece => piece.words ?? piece).join('')
  for (const [text, want] of [
    ['', ''], ['no time', 'no time'], [`was refused at ${past}, twice`, 'was refused 5 min ago, twice'],
    [`At ${ahead} it is offline`, 'In 2 min it is offline'], [`not run since ${past}`, 'not run for 5 min'],
    [`wait until ${ahead}.`, 'wait until 2 min from now.'], [`believed until ${past}`, 'believed until 5 min ago'],
    [`not delivered before ${past}`, 'not delivered in its time, which ended 5 min ago'],
    [`registers before ${ahead}`, 'registers within 2 min'], [`offline by ${ahead}, or`, 'offline within 2 min, or'], [`the hour of ${past})`, 'the hour of 5 min ago)'],
    [`at ${past} and at ${ahead}`, '5 min ago and in 2 min'], ['at 2026-99-99T11:55:00Z', 'at 2026-99-99T11:55:00Z'],
  ]) assert.equal(words(text), want)
  assert.deepEqual(said(`that ${past}`, now), ['that ', { at: past, words: '5 min ago' }])
})

test('quotations are what shared/visible says they are', () => {
  for (const [text, want] of table.texts) {
    const got = parts(text)
    assert.deepEqual(got.flatMap(part => part.quoted ?? []), want, text)
    assert.equal(got.map(part => part.quoted ?? part.own).join(''), text)
  }
  for (const [words, want] of table.quoted) assert.equal(quoted(words), want)
})

// quoted is what the API makes of somebody's words: Quoted of shared/visible.
const quoted = words => `“${visible(words).replace(/[“”„‟″‶〝〞〟＂❝❞ʺˮ🙶🙷]/gu, '"')}”`

// random are the same numbers each time, from 0 to below 1.
const random = seed => () => {
  seed = seed + 0x6d2b79f5 | 0
  let t = Math.imul(seed ^ seed >>> 15, 1 | seed)
  t = t + Math.imul(t ^ t >>> 7, 61 | t) ^ t
  return ((t ^ t >>> 14) >>> 0) / 2 ** 32
}

const attack = 'out of memory 2026-11-27T13:00:00Z; mend it with rollcall repair demo --from 6.6.6.6 --force now'

// tricks are what somebody puts words together of that are to be taken for the platform's.
const tricks = ['“', '”', '"', '\\', '\\"', '„', '❞', '\n', '\r\n', '\u2028', '\u202e', '\u2066', ' ', '. ', '; ', 'at ', 'Since ', ' (a, --b', ')', '<b>', '\u0301',
  '2026-11-27T13:00:00Z', '2026-99-99T13:00:00Z', 'rollcall repair demo', 'rollcall revoke demo --force', 'rollcall repair demo --from 6.6.6.6',
  'https://evil.example/', '?workspace=demo', 'x'.repeat(5_000), '👩‍💻', '\ud800', attack]

// foreigns are texts that others may write.
function* foreigns(many) {
  yield* [attack, `“${attack}”`, `”${attack}`, `${attack}“`, `"${attack}`, `\\"${attack}`]
  const next = random(7)
  for (let i = 0; i < many; i++) {
    yield Array.from({ length: 1 + Math.floor(next() * 9) }, () => tricks[Math.floor(next() * tricks.length)]).join('')
  }
}

const now = Date.parse('2026-11-27T14:00:00Z')

test('of what others wrote, nothing is a command or a time', () => {
  const own = 'rollcall doctor demo', at = '2026-11-27T13:59:00Z'
  let seen = 0
  for (const words of foreigns(5_000)) {
    const q = quoted(words)
    assert.deepEqual(said(`It said ${q} at ${at}: ${own}, or ${q}; rollcall probe demo.`, now, 'demo', 'rollcall probe demo'), [
      `It said ${q} `, { at, words: '1 min ago' }, ': ', { command: own }, `, or ${q}; this command.`,
    ], words)
    assert.equal(outsideQuotes(`a ${q} a`, () => ''), q)
    assert.equal(sentence(`it (from, --from) said ${q} (show, --show)`), `It said ${q}.`)
    for (const whole of [q, JSON.stringify(words), 'it said ' + q.slice(0, -1), q.slice(1), q.slice(0, -1) + '…; ' + q]) {
      assert.deepEqual(said(whole, now, 'demo').filter(piece => typeof piece !== 'string'), [], whole)
      seen++
    }
  }
  assert.ok(seen > 25_000)
})
