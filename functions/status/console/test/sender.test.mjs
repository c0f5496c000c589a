import assert from 'node:assert/strict'
import test from 'node:test'
import { load } from './bundle.mjs'

const { senderName } = await load('sender.ts')

test('a sender is shown with its kind, whatever its card calls it', () => {
  for (const name of ['users', 'root', 'Rollcall', 'person ana', 'the user', '']) {
    const fleet = [{ id: 'w', name }]
    for (const [r, want] of [
      [{}, 'users'], [{ probe: true }, 'Rollcall'], [{ source_id: '_rollcall' }, 'Rollcall'],
      [{ sent_by: 'ana rcp_1' }, 'person ana rcp_1'], [{ sent_by: 'operator rco_1' }, 'root'],
      [{ source_id: 'w' }, 'workspace ' + (name || 'w')], [{ source_id: 'users' }, 'workspace users'],
    ]) assert.equal(senderName(r, fleet), want)
  }
})
