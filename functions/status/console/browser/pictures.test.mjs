// A fleet with agents that broke in several ways: each says in words what is wrong, axe finds nothing serious on any
// page, and pictures of the pages are taken when ROLLCALL_PICTURES says where to put them.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { agent, call, closeBrowser, must, operator, picture, proxy, receiver, row, send, shows, sound, test, visit, workspace } from './platform.mjs'

after(closeBrowser)

const desk = { width: 1440, height: 900 }
const looks = [
  ['light', { colorScheme: 'light', viewport: desk }], ['dark', { colorScheme: 'dark', viewport: desk }],
  ['phone', { colorScheme: 'light', viewport: { width: 390, height: 844 } }],
]

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
  wanted.push([lost, 'Its credential is missing or refused'])
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
  wanted.push([await make('Onboarding'), 'No call of its agent was accepted yet'])
  const held = await make('Night batch', url)
  await must('POST', `/workspaces/${held.id}/pause`)
  wanted.push([held, 'An operator holds it'])
  for (const name of ['Billing assistant', 'Support, Europe', 'מענה לקוחות', 'مساعد الأبحاث']) {
    wanted.push([await make(name, url), 'Messages arrive'])
  }
  const least = wanted.length // the platform may have others
  for (const [name, options] of looks) {
    const page = await visit(t, '', { credential: operator, reducedMotion: 'reduce', ...options })
    await page.getByRole('search').waitFor()
    for (const [w, words] of wanted) await shows(row(page, w.id), words)
    assert.ok(await page.locator('tbody tr').count() >= least)
    const bare = page.locator('tbody tr').filter({ has: page.locator('.dot:not(.good)'), hasNot: page.locator('.command .copy') })
    assert.deepEqual(await bare.evaluateAll(rows => rows.map(r => r.innerText)), [], 'each row that is not well has a command to copy')
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

test('webhooks in each state are told in words, and look as they should', async t => {
  const working = await receiver(t), failing = await receiver(t), off = await receiver(t)
  failing.status = 503
  const add = async (url, statuses = []) => {
    const hook = await must('POST', '/webhooks', { url, statuses })
    t.after(() => call('DELETE', '/webhooks/' + hook.webhook_id))
    return hook
  }
  await add(working.url + '/pager', ['degraded', 'offline'])
  await add(failing.url + '/chat')
  const disabled = await add(off.url + '/audit', ['removed'])
  await must('POST', `/webhooks/${disabled.webhook_id}/disable`)
  const w = await workspace(t, { name: 'Told of' })
  await w.register({ url: await agent(t) })
  for (let i = 0; i < 2; i++) await w.register({}, '')
  await must('POST', '/sweep')
  for (const [name, options] of looks) {
    const page = await visit(t, '?webhooks', { credential: operator, reducedMotion: 'reduce', ...options })
    for (const words of ['Working', 'Failing', 'Disabled']) await shows(page.locator('.hooks'), words)
    await sound(page, name + ' webhooks')
    await picture(page, 'webhooks-' + name)
    await page.getByRole('button', { name: 'Add a webhook…' }).click()
    await page.getByRole('dialog').waitFor()
    await page.getByLabel('URL').fill('https://hooks.example.com/rollcall')
    await page.getByLabel('Degraded').check()
    await sound(page, name + ' adding a webhook')
    await picture(page, 'webhook-' + name)
  }
})

test('the page that asks for a credential is sound', async t => {
  for (const [name, options] of looks) {
    const between = await proxy(t)
    between.credential = operator
    const page = await visit(t, '', { at: between.url, quiet: false, ...options })
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('Your credential').fill('rcp_of_somebody_else')
    await page.keyboard.press('Enter')
    await shows(page.getByRole('alert'), 'nobody has this credential')
    await sound(page, name + ' sign in')
    await picture(page, 'sign-in-' + name)
  }
})

/** awaitMail waits until a workspace's mail is as it should be. */
async function awaitMail(id, is) {
  for (const ends = Date.now() + 60_000; ; ) {
    const { messages } = await must('GET', `/workspaces/${id}/messages`)
    if (messages.length && is(messages)) return
    if (Date.now() > ends) throw new Error('the mail is never so: ' + JSON.stringify(messages))
  }
}
