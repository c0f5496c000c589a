// A fleet with agents that broke in several ways: each says in words what is wrong, axe finds nothing serious on any
// page, and pictures of the pages are taken when ROLLCALL_PICTURES says where to put them.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { agent, closeBrowser, must, operator, picture, row, send, shows, sound, test, visit, workspace } from './platform.mjs'

after(closeBrowser)

const failed = text => () => ({
  kind: 'task', id: 't', contextId: 'c',
  status: { state: 'failed', message: { kind: 'message', role: 'agent', messageId: randomUUID(), parts: [{ kind: 'text', text }] } },
})

test('a fleet in trouble is told in words, for everybody, and looks as it should', async t => {
  const id = name => name + '-' + randomUUID().slice(0, 4)
  const make = async (name, url, more) => {
    const w = await workspace(t, { id: id(/^[a-z]/i.test(name) ? name.toLowerCase().replaceAll(/[^a-z]+/g, '-') : 'agent'), name, ...more })
    if (url) await w.register({ url })
    return w
  }
  const url = await agent(t), beats = (w, body) => must('POST', '/registry/heartbeat', { workspace_id: w.id, ...body }, w.token)
  const wanted = []
  const lost = await make('Release notes', url)
  await send(lost.id, 'What changed since Monday?')
  await awaitMail(lost.id, m => m.every(r => r.state === 'delivered'))
  for (let i = 0; i < 2; i++) await lost.register({ url }, '')
  await send(lost.id, 'When is the next release?')
  wanted.push([lost, 'Its credential is refused'])
  const answers = await make('Invoice reader', await agent(t, failed('Agent error: invalid x-api-key')))
  for (let i = 0; i < 3; i++) await send(answers.id, 'Please read invoice ' + i)
  wanted.push([answers, 'It takes messages, and fails each task'])
  const moved = await make('Calendar', 'http://127.0.0.1:9/a2a')
  for (let i = 0; i < 3; i++) await send(moved.id, 'Move the meeting')
  wanted.push([moved, 'Messages pushed to it fail'])
  const stuck = await make('Crawler', url)
  await beats(stuck, { runtime_state: 'wedged', sample_error: 'context window exceeded' })
  wanted.push([stuck, 'its runtime is stuck'])
  const errors = await make('Translator', url)
  await beats(errors, { error_rate: 0.8, sample_error: 'quota exceeded' })
  wanted.push([errors, 'Most of what it does fails'])
  wanted.push([await make('Onboarding'), 'Its agent has never called'])
  const held = await make('Night batch', url)
  await must('POST', `/workspaces/${held.id}/pause`)
  wanted.push([held, 'An operator holds it'])
  for (const name of ['Billing assistant', 'Support, Europe', 'מענה לקוחות', 'مساعد الأبحاث']) {
    wanted.push([await make(name, url), 'Messages arrive'])
  }
  const least = wanted.length // the platform may have others
  for (const [scheme, viewport] of [['light', { width: 1440, height: 900 }], ['dark', { width: 1440, height: 900 }], ['light', { width: 390, height: 844 }]]) {
    const name = viewport.width < 500 ? 'phone' : scheme
    const page = await visit(t, '', { credential: operator, colorScheme: scheme, viewport, reducedMotion: 'reduce' })
    await page.getByRole('search').waitFor()
    for (const [w, words] of wanted) await shows(row(page, w.id), words)
    assert.ok(await page.locator('tbody tr').count() >= least)
    await sound(page, name + ' fleet')
    await picture(page, 'fleet-' + name)
    await row(page, lost.id).locator('a.name').click()
    await shows(page.locator('.verdict'), 'At fault: the credential')
    await shows(page.locator('.timeline'), 'Degraded')
    await page.locator('.mail summary').first().waitFor()
    await page.locator('.mail summary').last().click()
    await sound(page, name + ' workspace')
    await page.evaluate(() => scrollTo(0, 0))
    await picture(page, 'workspace-' + name)
    await page.getByRole('button', { name: 'Repair…' }).first().click()
    await page.getByRole('dialog').waitFor()
    await sound(page, name + ' dialog')
    await picture(page, 'repair-' + name)
  }
})

test('the page that asks for a credential is sound', async t => {
  const page = await visit(t)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByRole('dialog').waitFor()
  await sound(page, 'sign in')
})

/** awaitMail waits until a workspace's mail is as it should be. */
async function awaitMail(id, is) {
  for (const ends = Date.now() + 60_000; ; ) {
    const { messages } = await must('GET', `/workspaces/${id}/messages`)
    if (messages.length && is(messages)) return
    if (Date.now() > ends) throw new Error('the mail is never so: ' + JSON.stringify(messages))
  }
}
