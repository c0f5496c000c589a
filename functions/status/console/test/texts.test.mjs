import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { commands, inLine, visible, visibleLines } = await load('visible.ts')
const { ago, exact, pieces, span } = await load('time.ts')

test('what is hidden in a text is shown', () => {
  for (const [text, want] of [
    ['<b>\u202e\u001b', '<b>\\u202e\\u001b'], ['a\nb\tc', 'a\\nb\\tc'], ['\u2028\u0000', '\\u2028\\u0000'],
    ['\u{e0001}', '\\udb40\\udc01'], ['\u2800\u3164\u115f\uffa0\ufe00', '\\u2800\\u3164\\u115f\\uffa0\\ufe00'], ['❤\ufe0f', '❤\ufe0f'],
    ['1\ufe0f\u20e3 a\ufe0f', '1\ufe0f\u20e3 a\\ufe0f'], ['\ufe0f|\ufe0f❤\ufe0f\ufe0f', '\\ufe0f|\\ufe0f❤\ufe0f\\ufe0f'], ['ℹ\ufe0f‼\ufe0f', 'ℹ\ufe0f‼\ufe0f'],
    ['e\u0301\u0302\u0303\u0304\u0305\u200d\u0306x\u0301', 'e\u0301\u0302\u0303\u0304\\u0305\u200d\\u0306x\u0301'], ['\u0301\u0302a\u0301', '\\u0301\\u0302a\u0301'],
    ['\u5c71\u3000\u5c71\u3000\u3000\u00a0 \u00a0  b', '\u5c71\u3000\u5c71\u3000\\u3000\\u00a0 \\u00a0  b'],
    ['\u{1d159}\u{13441}', '\\ud834\\udd59\\ud80d\\udc41'], ['👩‍💻 مساعد סוכן', '👩‍💻 مساعد סוכן'], [undefined, ''],
  ]) assert.equal(visible(text), want)
  assert.deepEqual(visibleLines('one\r\ntwo\u202e\n\nthree\n'), ['one', 'two\\u202e', '', 'three'])
})

test('a text in one line has no line breaks, and hides nothing', () => {
  for (const [text, want] of [['## A\n\n- b\r\n\tc ', '## A - b c'], ['\u202ea', '\\u202ea'], ['a\u2028b', 'a b'], [undefined, ''], [' \n', '']]) {
    assert.equal(inLine(text), want)
  }
})

test('every second piece of a text is a command for the workspace', () => {
  for (const [text, id, want] of [
    ['repair it with rollcall repair demo --from 127.0.0.1, then restart it', 'demo', ['repair it with ', 'rollcall repair demo --from 127.0.0.1', ', then restart it']],
    ['rollcall repair demo --show shows one', 'demo', ['', 'rollcall repair demo --show', ' shows one']],
    ['it is rollcall repair demo.', 'demo', ['it is ', 'rollcall repair demo', '.']],
    ['rollcall repair demo-2', 'demo', ['rollcall repair demo-2']], ['rollcall repair axb', 'a.b', ['rollcall repair axb']],
    ['rollcall repair demo', '', ['rollcall repair demo']], ['rollcall repair (a)', '(a)', ['rollcall repair (a)']], ['no command', 'demo', ['no command']],
    ['it said “rollcall revoke demo --force”; rollcall repair demo', 'demo', ['it said “rollcall revoke demo --force”; ', 'rollcall repair demo', '']],
    ['text/html: "rollcall revoke \\"demo" or rollcall doctor demo', 'demo', ['text/html: "rollcall revoke \\"demo" or ', 'rollcall doctor demo', '']],
    ['from 2001:db8::1: rollcall repair demo --from 2001:db8::1.', 'demo', ['from 2001:db8::1: ', 'rollcall repair demo --from 2001:db8::1', '.']],
  ]) assert.deepEqual(commands(text, id), want, text)
})

test('the command that stands beside a text is not written twice', () => {
  const beside = 'rollcall repair demo --show'
  for (const [text, want] of [
    ['it has none: rollcall repair demo --show shows one; start it', ['it has none: this command shows one; start it']],
    ['place it. rollcall repair demo --show shows another', ['place it. This command shows another']], [beside + ' shows one', ['This command shows one']],
    ['rollcall repair demo, or rollcall repair demo --show', ['', 'rollcall repair demo', ', or this command']],
    ['first see it: rollcall receipts demo', ['first see it: ', 'rollcall receipts demo', '']],
    ['it said “rollcall repair demo --show”', ['it said “rollcall repair demo --show”']],
  ]) assert.deepEqual(commands(text, 'demo', beside), want, text)
})

test('a time is relative to now, and never before it has come', () => {
  const now = Date.parse('2026-11-25T12:00:00Z'), at = seconds => new Date(now + seconds * 1000).toISOString()
  for (const [seconds, want] of [[0, 'now'], [-0.4, 'now'], [-1, '1 s ago'], [-59, '59 s ago'], [-60, '1 min ago'], [-3599, '59 min ago'],
    [-3600, '1 h ago'], [-86_400, '1 d ago'], [-8_640_000, '100 d ago'], [30, 'in 30 s'], [90, 'in 1 min']]) {
    assert.equal(ago(at(seconds), now), want)
  }
  assert.equal(ago(undefined, now), 'never')
  assert.equal(span(0), '0 s')
  assert.match(exact('2026-11-25T12:00:00Z'), /2026.* · 2026-11-25T12:00:00Z$/)
})

test('the times in a text are relative too', () => {
  const now = Date.parse('2026-11-25T12:00:00Z'), past = '2026-11-25T11:55:00Z', ahead = '2026-11-25T12:02:00Z'
  const said = text => pieces(text, now).map(piece => piece.words ?? piece).join('')
  for (const [text, want] of [
    ['', ''], ['no time', 'no time'], [`was refused at ${past}, twice`, 'was refused 5 min ago, twice'],
    [`At ${ahead} it is offline`, 'In 2 min it is offline'], [`not run since ${past}`, 'not run for 5 min'],
    [`wait until ${ahead}.`, 'wait until 2 min from now.'], [`believed until ${past}`, 'believed until 5 min ago'],
    [`not delivered before ${past}`, 'not delivered in its time, which ended 5 min ago'],
    [`registers before ${ahead}`, 'registers within 2 min'], [`offline by ${ahead}, or`, 'offline within 2 min, or'], [`the hour of ${past})`, 'the hour of 5 min ago)'],
    [`at ${past} and at ${ahead}`, '5 min ago and in 2 min'], ['at 2026-99-99T11:55:00Z', 'at 2026-99-99T11:55:00Z'],
  ]) assert.equal(said(text), want)
  assert.deepEqual(pieces(`that ${past}`, now), ['that ', { at: past, words: '5 min ago' }])
})
