// What the tests themselves play on.
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { closeBrowser, row, test, told, visit, workspace } from './platform.mjs'

after(closeBrowser)

test('a failure says what the page showed, what it knew and what it asked', async t => {
  const w = await workspace(t, { name: 'Shown on failure' })
  const page = await visit(t, '?search=' + w.id)
  await row(page, w.id).waitFor()
  const { message, cause } = await told(t, new Error('it broke'))
  assert.equal(cause.message, 'it broke')
  for (const part of ['it broke', '?search=' + w.id, 'Shown on failure', `${w.id} provisioning never_registered nobody_is_listening`,
    '"trouble":""', 'GET /workspaces?limit=500 200']) assert.ok(message.includes(part), part + ' is not in ' + message)
})
