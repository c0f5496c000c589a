import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { mailOf, slices, stretches } = await load('chart.ts')
const start = Date.parse('2026-11-25T12:00:00Z') / 1000, end = start + slices * 60
const at = minutes => new Date((start + minutes * 60) * 1000).toISOString()
const sum = values => values.reduce((a, b) => a + b, 0)

test('each delivery and each failure is counted in its own minute', () => {
  const mail = mailOf([
    { accepted_at: at(1), settled_at: at(4.5), state: 'delivered', attempts: [{ at: at(2.5), outcome: 'unreachable' }, { at: at(4.5), outcome: 'delivered' }] },
    { accepted_at: at(3), settled_at: at(5.5), state: 'dead', attempts: [{ at: at(5.5), outcome: 'failed_alone' }] },
    { accepted_at: at(6), settled_at: at(6.5), state: 'delivered', attempts: [{ at: at(6.5), outcome: 'task_failed' }] },
    { accepted_at: at(8), state: 'queued', attempts: [{ at: at(8.5), outcome: 'busy' }] },
    { accepted_at: at(-90), settled_at: at(-80), state: 'delivered', attempts: [] },
  ], start, end)
  assert.deepEqual([mail.delivered[4], sum(mail.delivered)], [1, 1])
  assert.deepEqual([mail.failed[2], mail.failed[5], mail.failed[6], sum(mail.failed)], [1, 2, 1, 4])
  assert.deepEqual([mail.waiting[0], mail.waiting[1], mail.waiting[4], mail.waiting[7]], [0, 60, 210, 0])
  assert.equal(mail.waiting.at(-1), 52 * 60, 'what waits grows until now')
})

test('the statuses of a time have no gap, from the first that is known on', () => {
  const change = (minutes, from, to) => ({ type: 'status', at: at(minutes), change: { at: at(minutes), from: from && { status: from, reason: 'healthy' }, to: { status: to, reason: 'healthy' } } })
  const history = [change(20, 'degraded', 'online'), { type: 'audit', at: at(15) }, change(10, 'online', 'degraded')]
  const told = stretches(history, start, end)
  assert.deepEqual(told.map(s => [s.status, s.from, s.to]),
    [['online', start, start + 600], ['degraded', start + 600, start + 1200], ['online', start + 1200, end]])
  assert.deepEqual(stretches([change(10, undefined, 'provisioning')], start, end).map(s => s.from), [start + 600])
  assert.deepEqual(stretches(history, start + 1500, end).map(s => s.status), ['online'])
  assert.deepEqual(stretches([], start, end), [])
})
