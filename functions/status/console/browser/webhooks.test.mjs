// The page of webhooks, in Chromium, on the built functions.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { call, closeBrowser, must, operator, receiver, shows, sound, test, visit, workspace } from './platform.mjs'

after(closeBrowser)

const some = () => randomUUID().slice(0, 8)

/** added makes a webhook, without the console, and deletes it after the test. */
async function added(t, url, statuses = []) {
  const hook = await must('POST', '/webhooks', { url, statuses })
  t.after(() => call('DELETE', '/webhooks/' + hook.webhook_id))
  return hook
}

const card = (page, url) => page.locator('.hooks > li').filter({ has: page.getByText(url, { exact: true }) })

/** does clicks an act's button on a card, and confirms it. */
async function does(page, on, button, { before = async () => {} } = {}) {
  await on.getByRole('button', { name: button + '…' }).click()
  const dialog = page.getByRole('dialog')
  await before(dialog)
  await dialog.getByRole('button', { name: button, exact: true }).click()
  await dialog.locator('.did').waitFor()
  const said = await dialog.innerText()
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
  return said
}

test('a webhook is added, tested, given a new secret, and deleted', async t => {
  const to = await receiver(t), url = `${to.url}/hook/${some()}`
  const page = await visit(t, '', { credential: operator })
  await page.getByRole('link', { name: 'Webhooks' }).click()
  await page.getByRole('button', { name: 'Add a webhook…' }).click()
  const dialog = page.getByRole('dialog'), add = dialog.getByRole('button', { name: 'Add', exact: true })
  assert.ok(await add.isDisabled(), 'a URL is to be given first')
  await dialog.getByLabel('URL').fill(url)
  await dialog.getByLabel('Offline').check()
  await dialog.getByLabel('Not started').check()
  await shows(dialog.locator('.same'), `rollcall webhook create ${url} --status offline,provisioning`)
  await add.click()
  const secret = (await dialog.locator('.secret code').innerText()).trim()
  assert.match(secret, /^whsec_/)
  const { webhooks } = await must('GET', '/webhooks'), made = webhooks.find(h => h.url === url)
  t.after(() => call('DELETE', '/webhooks/' + made.webhook_id))
  await dialog.getByRole('button', { name: 'Close' }).click()
  assert.deepEqual(made.statuses, ['offline', 'provisioning'])
  assert.ok(!(await page.content()).includes(secret), 'it is shown once')
  const at = card(page, url)
  await shows(at, 'changes from or to offline, not started')
  await shows(at, 'Nothing told yet')
  await workspace(t, { name: 'told of ' + some() })
  await must('POST', '/sweep')
  await shows(at, 'Working')
  assert.equal(to.told[0].event.type, 'workspace.status_changed')
  assert.match(await does(page, at, 'Test'), /answered HTTP 204/)
  assert.equal(to.told.at(-1).event.type, 'webhook.test')
  const again = /whsec_\S+/.exec(await does(page, at, 'New secret'))
  assert.ok(again && again[0] !== secret)
  await does(page, at, 'Test')
  assert.equal(to.told.at(-1).signature.split(' ').length, 2, 'both secrets sign')
  await does(page, at, 'Delete')
  await at.waitFor({ state: 'detached' })
  assert.equal((await must('GET', '/webhooks')).webhooks.filter(h => h.url === url).length, 0)
})

test('a webhook that fails says why, is tried again, disabled and enabled', async t => {
  const to = await receiver(t), url = `${to.url}/hook/${some()}`
  to.status = 503
  const hook = await added(t, url)
  const page = await visit(t, '?webhooks', { credential: operator, quiet: false }), at = card(page, url)
  await at.waitFor()
  await workspace(t, { name: 'not told of ' + some() })
  await must('POST', '/sweep')
  await shows(at, 'Failing')
  await page.getByRole('link', { name: 'Fleet' }).click()
  const notice = page.getByRole('region', { name: 'Webhooks' })
  await shows(notice, url)
  await shows(notice, 'HTTP 503')
  await shows(notice.locator('.command'), 'rollcall webhook test ' + hook.webhook_id)
  await sound(page)
  await notice.getByRole('link', { name: 'See the webhooks' }).click()
  await shows(at.locator('.error'), 'HTTP 503')
  await at.getByRole('button', { name: 'Test…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Test', exact: true }).click()
  await shows(dialog.getByRole('alert'), 'did not take it')
  await dialog.getByRole('button', { name: 'Leave it' }).click()
  to.status = 204
  await does(page, at, 'Try now')
  await shows(at, 'Working')
  await does(page, at, 'Disable')
  await shows(at, 'Disabled')
  const leftOut = await workspace(t, { name: 'left out ' + some() })
  await must('POST', '/sweep')
  await shows(at, /Behind\s*\d+ change/)
  await does(page, at, 'Enable', { before: async dialog => {
    await dialog.getByLabel(/Leave out/).check()
    await shows(dialog.locator('.same'), `rollcall webhook enable ${hook.webhook_id} --from-now`)
  } })
  await shows(at, 'Working')
  const later = await workspace(t, { name: 'told of ' + some() })
  await must('POST', '/sweep')
  const told = await to.toldOf(later.id)
  assert.ok(!told.includes(leftOut.id), 'what it was not told is left out')
})

test('a URL that may not be called is refused, with the words of the API', async t => {
  const page = await visit(t, '?webhooks', { credential: operator, quiet: false })
  await page.getByRole('button', { name: 'Add a webhook…' }).first().click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('URL').fill('ftp://nobody.example')
  await dialog.getByRole('button', { name: 'Add', exact: true }).click()
  const refused = await call('POST', '/webhooks', { url: 'ftp://nobody.example', statuses: [] })
  await shows(dialog.getByRole('alert'), refused.error)
  await shows(dialog.getByRole('alert'), refused.hint)
  await dialog.getByLabel('URL').fill('')
  await dialog.getByRole('alert').waitFor({ state: 'detached' })
})

test('webhooks are for operators', async t => {
  const viewer = await must('POST', '/tokens', { name: 'viewer-' + some(), scope: 'view' })
  t.after(() => call('DELETE', '/tokens/' + viewer.token_id))
  const page = await visit(t, '?webhooks', { credential: viewer.credential, quiet: false })
  await shows(page.locator('main'), 'Your credential may only look')
  assert.equal(await page.getByRole('link', { name: 'Webhooks' }).count(), 0)
  const nobody = await visit(t, '?webhooks', { quiet: false })
  await shows(nobody.locator('main'), 'Webhooks are for operators: sign in')
  await nobody.locator('main').getByRole('button', { name: 'Sign in' }).click()
  await nobody.getByLabel('Your credential').fill(operator)
  await nobody.keyboard.press('Enter')
  await nobody.getByRole('button', { name: 'Add a webhook…' }).first().waitFor()
})

for (const width of [390, 1440]) {
  test(`the webhooks fit ${width} pixels, and are sound`, async t => {
    const to = await receiver(t), url = `${to.url}/${'averylongwordwithoutanyspace'.repeat(4)}${some()}`
    await added(t, url)
    const page = await visit(t, '?webhooks', { credential: operator, viewport: { width, height: 844 } })
    await card(page, url).waitFor()
    assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth))
    await sound(page, 'the webhooks')
    await page.getByRole('button', { name: 'Add a webhook…' }).first().click()
    await page.getByRole('dialog').waitFor()
    await sound(page, 'adding a webhook')
  })
}
