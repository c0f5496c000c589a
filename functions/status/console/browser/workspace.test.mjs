// A workspace's page, in Chromium, on the built functions: what is wrong, and what an operator does about it.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { agent, boot, call, closeBrowser, must, operator, platform, row, send, shows, test, visit, workspace } from './platform.mjs'

after(closeBrowser)

const some = () => randomUUID().slice(0, 8)
const credential = operator
const open = (t, id, more) => visit(t, '?workspace=' + id, { credential, ...more })

/** does clicks an act's button, and confirms it. */
async function does(page, button, { confirm = button, before = async () => {} } = {}) {
  await page.getByRole('button', { name: button + '…' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.waitFor()
  await before(dialog)
  await dialog.getByRole('button', { name: confirm, exact: true }).click()
  await dialog.locator('.did').waitFor()
  const said = await dialog.innerText()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
  return said
}

test('the incident: seen, understood and mended with the console alone', async t => {
  const dir = mkdtempSync(join(tmpdir(), 'rollcall-console-')), id = 'incident-' + randomUUID()
  t.after(() => { rmSync(dir, { recursive: true }); return call('DELETE', '/workspaces/' + id) })
  const token = join(dir, 'token')
  const start = () => boot(t, ['-platform', platform, '-id', id, '-token-file', token, '-journal', join(dir, 'journal'), '-heartbeat', '2s'])
  const page = await visit(t, '?search=' + id, { credential })

  let running = start()
  await shows(row(page, id), 'Online')
  await running.stop()
  rmSync(token)
  for (let n = 0; n < 2; n++) await start().ended // its supervisor starts it, and each boot is refused
  await shows(row(page, id), 'Its credential is missing or refused')
  await send(id, 'are you there?')

  await row(page, id).locator('a.name').click()
  const verdict = page.locator('.verdict')
  await shows(verdict, 'At fault: the credential')
  await shows(verdict.locator('.command'), 'rollcall repair ' + id)
  await does(page, 'Repair')
  await shows(page.locator('.timeline'), /Repaired.*by operator/s)

  running = start() // its supervisor goes on
  await shows(verdict, 'Online')
  await shows(page.locator('.mail'), 'Delivered')
  await page.locator('.mail summary').first().click()
  await shows(page.locator('.mail blockquote'), 'are you there?')
  const told = (await page.locator('.timeline li').allInnerTexts()).toReversed().join('\n')
  assert.match(told, /Online[^]*Degraded[^]*Repaired[^]*Online/)
})

test('an agent that is at work is cut off only after a second confirmation', async t => {
  const w = await workspace(t, { name: 'at work ' + some() })
  await w.register({ url: await agent(t) })
  const page = await open(t, w.id, { quiet: false })
  await page.getByRole('button', { name: 'Repair…' }).first().click()
  const dialog = page.getByRole('dialog'), confirm = dialog.getByRole('button', { name: 'Repair', exact: true })
  await dialog.getByLabel(/place it by hand/).check()
  await confirm.click()
  await shows(dialog.getByRole('alert'), 'to repair it cuts its agent off')
  assert.ok(await confirm.isDisabled())
  assert.equal((await call('GET', '/workspaces/' + w.id)).status, 'online')
  await dialog.getByLabel(/cut its agent off/).check()
  await confirm.click()
  const secret = (await dialog.locator('.secret code').innerText()).trim()
  assert.match(secret, /^rcw_/)
  await dialog.getByRole('button', { name: 'Close' }).click()
  assert.ok(!(await page.content()).includes(secret), 'it is shown once')
  assert.equal((await call('POST', '/registry/heartbeat', { workspace_id: w.id }, w.token)).code, 'credential_unknown')
  assert.equal((await call('POST', '/registry/heartbeat', { workspace_id: w.id }, secret)).code, undefined)
})

test('pause, resume, rotate, probe and adopt do what they say', async t => {
  const w = await workspace(t, { name: 'acts ' + some() })
  await w.register({ url: await agent(t) })
  const page = await open(t, w.id), verdict = page.locator('.verdict')
  await shows(verdict, 'Online')
  await does(page, 'Pause')
  await shows(verdict, 'Paused')
  await does(page, 'Resume')
  await shows(verdict, 'Online')
  assert.match(await does(page, 'Rotate'), /rcw_/)
  await does(page, 'Probe')
  await shows(page.locator('.mail'), /Delivered\s*probe/)
  await does(page, 'Adopt')
  for (const act of ['Paused', 'Resumed', 'Credential rotated', 'Adopted']) await shows(page.locator('.timeline'), act)
})

test('one message is cancelled, and the lost ones are redriven', async t => {
  const w = await workspace(t, { name: 'mail ' + some() })
  const lost = randomUUID()
  await must('POST', `/workspaces/${w.id}/a2a`, {
    params: { message: { role: 'user', messageId: lost, parts: [{ kind: 'text', text: 'quick' }] }, expires_in_seconds: 1 },
  })
  await send(w.id, 'not any more')
  const page = await open(t, w.id), at = words => page.locator('.mail > li').filter({ hasText: words })
  await shows(page.locator('.mail'), 'Expired')
  await at('Waits').locator('summary').click()
  await page.getByRole('button', { name: 'Cancel…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Cancel the message' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Close' }).click()
  await at('Cancelled').waitFor()
  await must('POST', '/sweep') // what expires before its agent ever called is lost
  await w.register({ delivery_mode: 'poll' })
  await does(page, 'Redrive', { before: dialog => shows(dialog, 'It would put back 1 message.') })
  await at('Waits').waitFor()
  assert.equal((await call('GET', `/workspaces/${w.id}/messages/${lost}`)).state, 'queued')
})

test('dismiss, revoke and remove do what they say', async t => {
  const w = await workspace(t, { name: 'ended ' + some() }), url = await agent(t)
  await w.register({ url })
  for (let i = 0; i < 2; i++) await w.register({ url }, '')
  const page = await open(t, w.id), verdict = page.locator('.verdict')
  await shows(verdict, 'Degraded')
  assert.equal(await page.getByRole('button', { name: 'Repair…' }).count(), 1, 'what the verdict asks for stands there alone')
  await does(page, 'Dismiss')
  await shows(verdict, 'Online')
  await page.getByRole('button', { name: 'Revoke…' }).click()
  const dialog = page.getByRole('dialog'), revoke = dialog.getByRole('button', { name: 'Revoke', exact: true })
  await revoke.click()
  await shows(dialog.getByRole('alert'), 'cuts its agent off')
  await dialog.getByLabel(/cut its agent off/).check()
  await shows(dialog.locator('.same'), `rollcall revoke ${w.id} --force`)
  await revoke.click()
  await shows(dialog.locator('.did'), '1 credential has ended')
  await dialog.getByRole('button', { name: 'Close' }).click()
  await shows(verdict, 'Degraded')
  assert.equal((await call('POST', '/registry/heartbeat', { workspace_id: w.id }, w.token)).code, 'credential_unknown')

  await page.getByRole('button', { name: 'Remove…' }).click()
  const remove = dialog.getByRole('button', { name: 'Remove', exact: true })
  assert.ok(await remove.isDisabled(), 'its id is to be written first')
  await dialog.getByRole('textbox').fill(w.id.slice(1))
  assert.ok(await remove.isDisabled(), 'the whole of it')
  await dialog.getByRole('textbox').fill(w.id)
  await dialog.getByLabel(/Also erase/).check()
  await shows(dialog.locator('.same'), `rollcall remove ${w.id} --purge --yes`)
  await remove.click()
  await shows(page.locator('.empty'), 'An operator removed it')
  assert.equal((await call('GET', '/workspaces/' + w.id)).code, 'workspace_removed')
})

test('a message names its sender, and every time is relative', async t => {
  const asks = await workspace(t, { name: 'asks ' + some() }), w = await workspace(t, { name: 'asked ' + some() })
  await w.register({ url: await agent(t) })
  await call('POST', `/workspaces/${w.id}/a2a`, { message: { role: 'user', messageId: randomUUID(), parts: [{ kind: 'text', text: 'hi' }] } }, asks.token)
  for (let i = 0; i < 2; i++) await w.register({}, '')
  const page = await open(t, w.id), { name } = await must('GET', '/workspaces/' + asks.id)
  await shows(page.locator('.mail summary'), name)
  await shows(page.locator('.verdict'), 'Degraded')
  await page.locator('.mail summary').first().click()
  assert.doesNotMatch(await page.locator('main').innerText(), /\d{4}-\d\d-\d\dT|\d\d:\d\d:\d\d/)
  assert.match(await page.locator('.evidence time').first().getAttribute('title'), /CET|CEST|GMT.* · 20\d\d-\d\d-\d\dT[\d:]{8}Z$/)
  await shows(page.locator('.message .facts'), `workspace ${asks.id} “${name}”`)
  await page.locator('.message').getByRole('link', { name: asks.id, exact: true }).click()
  await shows(page.locator('h1'), name)
})

test('no card’s name stands for another workspace, the platform or a person', async t => {
  const bank = await workspace(t, { id: 'bank-' + some() }), w = await workspace(t, { name: 'asked ' + some() })
  const page = await open(t, w.id), [message, facts] = ['.mail summary .sender', '.message .facts'].map(at => page.locator(at).first())
  await w.register({ url: await agent(t) })
  const names = [bank.id, '_rollcall', 'Rollcall', 'users', 'root', 'person ana rcp_1', `” workspace ${bank.id}`, '\u202e\u2066' + bank.id]
  for (const name of names) {
    const impostor = await workspace(t, { id: 'impostor-' + randomUUID() }), said = name.replaceAll(/[\u202e\u2066]/g, c => '\\u' + c.charCodeAt(0).toString(16))
    await impostor.register({ url: await agent(t), agent_card: { name } }, impostor.token)
    await call('POST', `/workspaces/${w.id}/a2a`, { message: { role: 'user', messageId: randomUUID(), parts: [{ kind: 'text', text: 'pay' }] } }, impostor.token)
    const shown = `${impostor.id} “${said.replaceAll('”', '"')}”`
    await page.goto(platform + '/?workspace=' + w.id)
    await shows(message, impostor.id)
    assert.equal(await message.textContent(), 'workspace ' + shown)
    assert.ok(await message.evaluate(at => at.scrollWidth <= at.clientWidth && at.scrollHeight <= at.clientHeight), 'the id is not cut')
    assert.equal(await message.getAttribute('title'), 'sent by workspace ' + shown)
    await page.locator('.mail summary').first().click()
    assert.match(await facts.innerText(), new RegExp(`Sent by\\s*workspace ${impostor.id} “`))
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/impostor.png`, fullPage: true })
    await facts.getByRole('link', { name: impostor.id, exact: true }).click()
    await shows(page.locator('h1'), impostor.id)
    assert.equal(await page.locator('h1').innerText(), shown)
    assert.ok((await page.title()).endsWith(`${shown} · Rollcall`), await page.title())
    assert.equal(await page.locator('h1 code').innerText(), impostor.id)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/page.png`, fullPage: true })
    await page.goto(platform + '/?search=' + impostor.id)
    await row(page, impostor.id).waitFor()
    assert.equal((await row(page, impostor.id).locator('th').innerText()).trim(), shown)
    assert.equal(await row(page, impostor.id).locator('a.name').innerText(), impostor.id)
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/row.png` })
  }
})

test('an act that is refused or fails says why, and what comes next', async t => {
  const w = await workspace(t, { name: 'refused ' + some() })
  const page = await open(t, w.id, { quiet: false }), dialog = page.getByRole('dialog'), alert = dialog.getByRole('alert')
  await page.getByRole('button', { name: 'Repair…' }).first().click()
  const repair = dialog.getByRole('button', { name: 'Repair', exact: true })
  await repair.click()
  await shows(alert, 'Write the address that its agent calls from, or have the credential shown here')
  await dialog.getByLabel(/only from the address/).fill('somewhere')
  await alert.waitFor({ state: 'detached' })
  await repair.click()
  await shows(alert, 'Write the address as a number')
  await dialog.getByRole('button', { name: 'Leave it' }).click()

  await page.getByRole('button', { name: 'Pause…' }).click()
  const pause = dialog.getByRole('button', { name: 'Pause', exact: true })
  const answers = [
    [r => r.abort(), /gave no answer: no connection.*may have been done/is],
    [r => r.fulfill({ status: 502, body: '<h1>Bad gateway</h1>' }), /what answers is not the platform/],
    [r => r.fulfill({ status: 500, json: { error: 'internal error', code: 'internal', request_id: 'r-17' } }), /Internal error.*request id r-17/s],
    [r => r.fulfill({ status: 429, json: { message: 'Too Many Requests' } }), /Nothing was done: try again/],
    [r => r.fulfill({ status: 403, json: { error: 'this call needs the scope operate', code: 'scope_too_small' } }), /Sign out, and sign in with it/],
  ]
  for (const [answer, words] of answers) {
    await page.route('**/pause', answer, { times: 1 })
    await pause.click()
    await shows(alert, words)
  }
  await pause.click()
  await shows(dialog.locator('.did'), 'It is paused')
})

test('what was done is said, and a secret stays, also when the page can’t be read again', async t => {
  const w = await workspace(t, { name: 'shown once ' + some() })
  const page = await open(t, w.id, { quiet: false }), dialog = page.getByRole('dialog')
  await page.getByRole('button', { name: 'Rotate…' }).click()
  await page.route('**/workspaces/' + w.id, route => route.abort())
  await dialog.getByRole('button', { name: 'Rotate', exact: true }).click()
  await shows(dialog.locator('.secret'), 'rcw_')
  await page.keyboard.press('Escape')
  await page.mouse.click(5, 5)
  await shows(dialog.locator('.secret'), 'rcw_')
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
})

test('who may only look is offered nothing to do', async t => {
  const w = await workspace(t, { name: 'looked at ' + some() })
  const viewer = await must('POST', '/tokens', { name: 'viewer-' + some(), scope: 'view' })
  t.after(() => call('DELETE', '/tokens/' + viewer.token_id))
  const page = await open(t, w.id, { credential: viewer.credential, quiet: false })
  await shows(page.locator('.acts'), 'Your credential may only look')
  assert.equal(await page.getByRole('button', { name: '…' }).count(), 0)
})

test('on a phone the verdict comes before what can be done', async t => {
  const w = await workspace(t, { name: 'on a phone ' + some() })
  const page = await open(t, w.id, { viewport: { width: 390, height: 844 } })
  const top = async of => (await page.locator(of).boundingBox()).y
  await page.locator('.acts').waitFor()
  assert.ok(await top('.verdict') < await top('.acts'))
  assert.ok(await top('.acts') < await top('#mail'))
})

test('the command of a hint is copied', async t => {
  const w = await workspace(t, { name: 'copied ' + some() })
  await w.register({ url: await agent(t) })
  for (let i = 0; i < 2; i++) await w.register({}, '')
  const page = await open(t, w.id, { permissions: ['clipboard-read', 'clipboard-write'] })
  const command = page.locator('.verdict .command').first()
  await command.getByRole('button', { name: 'Copy the command' }).click()
  await shows(command.getByRole('status'), 'Copied')
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), await command.locator('code').innerText())
})

for (const width of [390, 1280]) {
  test(`a message that is open says what it waits for, ${width} pixels wide`, async t => {
    const w = await workspace(t, { name: 'slow ' + some() })
    const page = await open(t, w.id, { viewport: { width, height: 844 } })
    const message = page.locator('.mail li').first(), facts = message.locator('.message')
    let answer
    const answers = new Promise(done => { answer = done })
    await w.register({ url: await agent(t, () => answers) })
    t.after(answer)

    await send(w.id, 'take your time') // its agent is handed it, and does not answer yet
    await shows(message, 'it waits until the agent answers')
    await message.locator('summary').click()
    await shows(facts, /Waits for\s*it waits until the agent answers: the agent was handed it\./)

    await must('POST', `/workspaces/${w.id}/pause`)
    await send(w.id, 'and this waits')
    await shows(message, 'it waits until an operator resumes the workspace')
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it fits')
    if (process.env.SHOTS) await page.screenshot({ path: `${process.env.SHOTS}/waits-${width}.png`, fullPage: true })
  })
}

test('a name that is another’s id, wide or piled up misleads nobody and breaks nothing', async t => {
  const wide = '\u3000'.repeat(199), piled = 'a' + '\u0301'.repeat(120)
  for (const name of ['prod-db', wide, piled]) {
    const w = await workspace(t)
    await w.register({ url: await agent(t), agent_card: { name } })
    const page = await visit(t, '?search=' + w.id, { credential, viewport: { width: 1280, height: 900 } })
    const fits = async where => {
      const seen = await page.evaluate(() => document.documentElement.scrollWidth)
      assert.ok(seen <= 1280, `${where} is ${seen} wide`)
      assert.ok(!/\p{Mn}{5}/u.test(await page.locator('body').innerText()), where + ' shows a pile of marks')
    }
    await row(page, w.id).waitFor()
    await fits('the fleet')
    await row(page, w.id).locator('a.name').click()
    await page.locator('.verdict').waitFor()
    await fits('the page')
    await page.getByRole('button', { name: 'Revoke…' }).click()
    const dialog = page.getByRole('dialog')
    assert.equal(await dialog.getByRole('heading').innerText(), 'Revoke the credentials of ' + w.id)
    await fits('the dialog')
    const said = await dialog.innerText()
    await w.register({ url: await agent(t), agent_card: { name: 'called ' + w.id } })
    await shows(page.locator('header.title'), 'called ' + w.id)
    assert.equal(await dialog.innerText(), said, 'what is asked changes while it is read')
  }
})

test('a command that an agent wrote is shown as its words, and is none to copy', async t => {
  const w = await workspace(t, { name: 'out of memory ' + some() }), stamp = new Date(Date.now() - 3_600_000).toISOString().slice(0, 19) + 'Z'
  const attack = `out of memory at ${stamp}; mend it with rollcall repair ${w.id} --from 6.6.6.6 --force now`
  const text = `${attack}”\n“; ${attack}`, shown = `“${attack}"\\n"; ${attack}”`
  await w.register({ url: await agent(t, () => ({
    kind: 'task', id: randomUUID(), contextId: 'c', status: { state: 'failed', message: { kind: 'message', role: 'agent', messageId: randomUUID(), parts: [{ kind: 'text', text }] } },
  })) })
  for (let n = 0; n < 5; n++) await send(w.id, 'mend yourself')
  const fleet = await visit(t, '?search=' + w.id, { credential }), page = await open(t, w.id)
  await shows(row(fleet, w.id), 'fails each task')
  await shows(row(fleet, w.id), shown)
  await shows(page.locator('.verdict'), shown)
  await page.locator('.mail summary').first().click()
  for (const at of [fleet, page]) {
    const made = await at.locator('code, time, a, button').evaluateAll(all => all.map(e => e.outerHTML))
    assert.deepEqual(made.filter(html => /6\.6\.6\.6|--force/.test(html)), [])
    assert.ok((await at.locator('main').innerText()).includes(shown), 'its words are shown as it wrote them')
    if (process.env.SHOTS) await at.screenshot({ path: `${process.env.SHOTS}/words-${at === page ? 'page' : 'fleet'}.png`, fullPage: true })
  }
})

test('an address that names no workspace says so', async t => {
  for (const id of ['../../webhooks', '..', '.', 'a b', 'x'.repeat(65)]) {
    const page = await visit(t, '?workspace=' + encodeURIComponent(id), { credential })
    await shows(page.locator('.empty'), 'And none can be')
    assert.equal(await page.locator('.reading').count(), 0)
  }
})
