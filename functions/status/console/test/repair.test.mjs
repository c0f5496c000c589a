import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { repairOf, told } = await load('repair.ts')

test('a repair asks for what its command says, and takes an address from no other command', () => {
  const command = 'rollcall repair demo'
  for (const [verdict, choice, wantCommand, body] of [
    [undefined, {}, command, {}],
    [command, {}, command, {}],
    [command, { from: '10.0.0.9' }, command + ' --from 10.0.0.9', { from: '10.0.0.9' }],
    [command + ' --from 10.0.0.7', {}, command + ' --from 10.0.0.7', { from: '10.0.0.7', told: true }],
    [command + ' --from 10.0.0.7', { from: '10.0.0.7' }, command + ' --from 10.0.0.7', { from: '10.0.0.7' }],
    [command + ' --from 10.0.0.7', { show: true }, command + ' --show', { show: true }],
    ['rollcall cancel demo --from peer --dry-run', {}, command, {}],
    ['rollcall repair other --from 10.0.0.7', {}, command, {}],
  ]) {
    const w = { id: 'demo', command: verdict }
    assert.deepEqual(repairOf(w, { show: false, from: '', ...choice }), { command: wantCommand, body })
  }
  assert.equal(told({ id: 'demo', command: 'rollcall rotate demo --show' }), undefined)
  assert.deepEqual(told({ id: 'demo', command: command + ' --show' }), { show: true, from: '' })
})
