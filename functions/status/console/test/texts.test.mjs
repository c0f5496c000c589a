import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { inLine, visible, visibleLines } = await load('visible.ts')
const { ago, exact, span } = await load('time.ts')

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
