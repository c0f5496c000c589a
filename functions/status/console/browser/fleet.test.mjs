// The fleet page, in Chromium, on the built functions.
import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { after } from 'node:test'
import { agent, call, closeBrowser, hidden, holds, must, operator, proxy, row, send, shows, test, visit, workspace } from './platform.mjs'

after(closeBrowser)

const some = () => randomUUID().slice(0, 8)

test('workspaces are found, filtered and paged, and the address says so', async t => {
  const mark = some()
  const all = []
  for (let i = 0; i < 52; i++) all.push(await workspace(t, { name: `${mark} number ${i}` }))
  const url = await agent(t)
  await all[0].register({ url })
  await must('POST', `/workspaces/${all[1].id}/pause`)
  const page = await visit(t)
  await page.getByRole('search').waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type(mark)
  await shows(page.locator('.pages'), '1 to 50 of 52')
  assert.match(page.url(), new RegExp(`search=${mark}`))
  await page.getByRole('button', { name: 'Next' }).click()
  await shows(page.locator('.pages'), '51 to 52 of 52')
  assert.match(page.url(), /page=2/)
  await page.reload()
  await shows(page.locator('.pages'), '51 to 52 of 52')
  await page.locator('.counts button[data-status=paused]').click()
  await row(page, all[1].id).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  assert.match(page.url(), /status=paused/)
  await page.locator('.counts button[data-status=paused]').click()
  await page.getByLabel('Mode').selectOption('push')
  await row(page, all[0].id).waitFor()
  assert.equal(await page.locator('tbody tr').count(), 1)
  await page.getByLabel('Mode').selectOption('')
  await page.getByLabel('Reason').selectOption('never_registered')
  await row(page, all[0].id).waitFor({ state: 'detached' })
})

test('a fleet with teams is filtered by team', async t => {
  const team = 'team-' + some(), mine = await workspace(t, { name: 'mine', team })
  await workspace(t, { name: 'other', team: 'not-' + team })
  const page = await visit(t)
  await page.getByLabel('Team').selectOption(team)
  await shows(row(page, mine.id), team)
  assert.equal(await page.locator('tbody tr').count(), 1)
  assert.equal(new URL(page.url()).searchParams.get('team'), team)
})

test('the columns sort, by keyboard too, and the address says so', async t => {
  const mark = some(), all = []
  for (const n of ['b', 'a', 'c']) all.push(await workspace(t, { id: `${mark}-${n}`, name: 'called ' + n }))
  const [b, a, c] = all.map(w => w.id)
  const page = await visit(t, '?search=' + mark)
  await row(page, c).waitFor()
  const ids = () => page.locator('tbody tr').evaluateAll(rows => rows.map(r => r.dataset.id))
  const head = page.getByRole('columnheader', { name: 'Workspace' })
  assert.equal(await head.getAttribute('aria-sort'), null)
  await head.getByRole('button').focus()
  await page.keyboard.press('Enter')
  await holds(page, () => document.querySelector('th[aria-sort=ascending]'))
  assert.deepEqual(await ids(), [a, b, c])
  await page.keyboard.press('Enter')
  await holds(page, () => document.querySelector('th[aria-sort=descending]'))
  assert.deepEqual(await ids(), [c, b, a])
  assert.match(page.url(), /sort=-name/)
  await page.reload()
  await row(page, c).waitFor()
  assert.deepEqual(await ids(), [c, b, a])
  await head.getByRole('button').click()
  await holds(page, () => !document.querySelector('th[aria-sort]'))
  assert.ok(!page.url().includes('sort='))
  await page.setViewportSize({ width: 390, height: 844 })
  await page.getByLabel('Order').selectOption('name')
  await holds(page, () => location.search.includes('sort=name'))
  assert.deepEqual(await ids(), [a, b, c])
})

test('a row says what is wrong, in words, and the command that comes next', async t => {
  const w = await workspace(t, { name: 'lost ' + some() }), url = await agent(t)
  await w.register({ url })
  const page = await visit(t, '?search=' + w.id)
  await shows(row(page, w.id), 'Online')
  for (let i = 0; i < 2; i++) assert.equal((await w.register({ url }, '')).status, 401)
  await shows(row(page, w.id), 'Its credential is missing or refused')
  await shows(row(page, w.id).locator('.command'), 'rollcall repair ' + w.id)
  await shows(page.locator('[aria-live=polite]'), 'its credential is missing or refused')
  await row(page, w.id).getByRole('button', { name: 'Repair…' }).click()
  await shows(page.getByRole('dialog'), 'Sign in')
  await page.keyboard.press('Escape')
  await w.register({ url })
  await shows(row(page, w.id), 'Messages arrive')
})

test('the fleet’s headline counts those that need a hand, and claims nothing of now when it can’t know', async t => {
  const between = await proxy(t), { id } = await workspace(t, { name: 'one to copy' }), one = await must('GET', '/workspaces/' + id)
  let broken = 12
  const page = await visit(t, '', { at: between.url, quiet: false })
  await page.route(/workspaces\?/, async route => {
    if (between.cut) return route.abort()
    const fleet = []
    for (let i = 0; i < 20; i++) {
      const wrong = i < broken && (i % 3
        ? { status: 'degraded', reason: 'push_failing', problem: 'own', hint: 'mend it' }
        : { status: 'degraded', reason: 'credentials_rejected', problem: 'own', hint: 'mend it', command: 'rollcall repair w' + i })
      fleet.push({ ...one, id: 'w' + i, name: 'w' + i, status: 'online', reason: 'healthy', remarks: [], ...wrong })
    }
    await route.fulfill({ json: { workspaces: fleet, next: null } })
  })
  const headline = page.locator('.headline')
  await page.goto(page.url())
  await shows(headline.locator('h1'), /^12 of 20 workspaces need a hand$/)
  assert.equal(await page.title(), '(12) Rollcall')
  await shows(headline, 'rollcall repair --reason credentials_rejected --dry-run')
  await headline.getByRole('button', { name: 'Messages pushed to it fail 8' }).click()
  await holds(page, () => document.querySelectorAll('tbody tr').length === 8)
  assert.match(page.url(), /cause=push_failing/)
  await headline.getByRole('button', { name: 'Messages pushed to it fail 8' }).click()
  await holds(page, () => document.querySelectorAll('tbody tr').length === 20)
  broken = 1
  await page.reload()
  await shows(headline.locator('h1'), /^1 of 20 workspaces needs a hand$/)
  assert.equal(await headline.getByRole('button').count(), 0)
  broken = 0
  await page.reload()
  await shows(headline.locator('h1'), /^Nothing is wrong$/)
  between.drop()
  await shows(headline.locator('h1'), /^Nothing was wrong \d+ s ago$/)
  await shows(page.getByRole('alert'), 'It is tried again')
})

test('a row has the button that mends it, for who may', async t => {
  const w = await workspace(t, { name: 'mended in its row ' + some() })
  await w.register({ url: await agent(t) })
  for (let i = 0; i < 2; i++) await w.register({}, '')
  const viewer = await must('POST', '/tokens', { name: 'viewer-' + some(), scope: 'view' })
  t.after(() => call('DELETE', '/tokens/' + viewer.token_id))
  const looks = await visit(t, '?search=' + w.id, { credential: viewer.credential })
  await shows(row(looks, w.id).locator('.needing'), 'needs the scope operate')
  assert.equal(await looks.getByRole('button', { name: '…' }).count(), 0)
  const page = await visit(t, '?search=' + w.id, { credential: operator, quiet: false })
  await row(page, w.id).getByRole('button', { name: 'Repair…' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel(/place it by hand/).check()
  await dialog.getByRole('button', { name: 'Repair', exact: true }).click()
  await shows(dialog.locator('.secret'), 'rcw_')
  await dialog.getByRole('button', { name: 'Close' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.ok(!page.url().includes('workspace='), 'the fleet is still shown')
})

test('what changes takes neither selection, nor focus, nor place', async t => {
  const mark = some(), url = await agent(t), all = []
  for (let i = 0; i < 24; i++) all.push(await workspace(t, { name: `${mark} ${i}` }))
  const page = await visit(t, '?search=' + mark)
  await shows(page.locator('tbody'), mark + ' 23')
  const ids = () => page.locator('tbody tr').evaluateAll(rows => rows.map(r => r.dataset.id))
  const watched = (await ids())[16], moved = (await ids())[20]
  const selected = () => page.evaluate(() => getSelection().toString())

  await row(page, watched).locator('.id').evaluate(id => {
    id.scrollIntoView({ block: 'center' })
    getSelection().selectAllChildren(id)
  })
  const place = await page.evaluate(() => scrollY)
  assert.ok(place > 0)
  await all.find(w => w.id === moved).register({ url })
  await shows(row(page, moved), 'Online')
  assert.equal(await selected(), watched)
  assert.equal(await page.evaluate(() => scrollY), place)

  await page.evaluate(() => getSelection().removeAllRanges())
  await row(page, watched).locator('a.name').focus()
  await all.find(w => w.id === watched).register({ url })
  await shows(row(page, watched), 'Online')
  await holds(page, id => document.activeElement.closest('tr')?.dataset.id === id, watched)
})

test('the keyboard is enough', async t => {
  const mark = some(), all = [await workspace(t, { name: mark + ' a' }), await workspace(t, { name: mark + ' b' })]
  const page = await visit(t, '?search=' + mark)
  await row(page, all[1].id).waitFor()
  const ids = await page.locator('tbody tr').evaluateAll(rows => rows.map(r => r.dataset.id))
  const focused = id => holds(page, id => document.activeElement.closest('tr')?.dataset.id === id, id)
  await page.keyboard.press('j')
  await focused(ids[0])
  await page.keyboard.press('j')
  await focused(ids[1])
  await page.keyboard.press('k')
  await focused(ids[0])
  await page.keyboard.press('Enter')
  await shows(page.locator('h1'), mark)
  assert.match(page.url(), new RegExp('workspace=' + ids[0]))
  await page.keyboard.press('Escape')
  await row(page, ids[1]).waitFor()
  assert.match(page.url(), new RegExp('search=' + mark))
  await focused(ids[0])
  await row(page, ids[1]).locator('a.name').focus() // whichever comes first now
  for (const back of [() => page.goBack(), () => page.locator('main a.back').click(), () => page.keyboard.press('Escape')]) {
    await page.keyboard.press('Enter')
    await shows(page.locator('h1'), mark)
    await back()
    await focused(ids[1])
  }
  await page.keyboard.press('?')
  await shows(page.getByRole('dialog'), 'search the fleet')
  await page.keyboard.press('Escape')
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  await page.keyboard.press('/')
  await holds(page, () => document.activeElement.matches('input[type=search]'))
})

test('a key that is pressed as soon as a page is drawn is heard', async t => {
  const w = await workspace(t, { name: some() })
  const page = await visit(t, '?search=' + w.id)
  await page.evaluate(() => new MutationObserver((_, observer) => {
    if (!document.querySelector('.title h1')) return
    observer.disconnect()
    document.body.dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', bubbles: true }))
  }).observe(document.body, { childList: true, subtree: true }))
  await row(page, w.id).locator('a.name').click()
  await holds(page, () => location.search.includes('search='))
  await row(page, w.id).waitFor()
})

test('what agents and senders write is text', async t => {
  const evil = `<img src=x onerror=alert(1)><script>alert(2)</script>\u202egnp.exe ${some()}`
  const shown = evil.replace('\u202e', '\\u202e')
  const url = await agent(t, () => ({
    kind: 'task', id: 't', contextId: 'c',
    status: { state: 'failed', message: { kind: 'message', role: 'agent', messageId: 'm', parts: [{ kind: 'text', text: evil }] } },
  }))
  const w = await workspace(t, { name: evil, role: evil })
  await w.register({ url })
  await send(w.id, evil)
  const page = await visit(t, '?search=' + w.id)
  await shows(row(page, w.id), shown)
  assert.deepEqual(await hidden(page), [])
  await row(page, w.id).locator('a.name').click()
  await shows(page.locator('h1'), shown)
  await page.locator('.mail summary').first().click()
  await shows(page.locator('.mail blockquote'), shown)
  assert.equal(await page.locator('main img, main script').count(), 0)
  assert.match(await page.title(), /Rollcall$/)
  assert.ok((await page.title()).includes(`${w.id} “${shown}”`), await page.title())
  assert.deepEqual(await hidden(page), [])
})

test('when the platform can’t be reached, no dot is green, and the page says how old it is', async t => {
  const w = await workspace(t, { name: 'cut off ' + some() }), between = await proxy(t)
  await w.register({ url: await agent(t) })
  const page = await visit(t, '?search=' + w.id, { at: between.url, quiet: false })
  await shows(row(page, w.id), 'Online')
  const color = () => row(page, w.id).locator('.dot').evaluate(dot => getComputedStyle(dot, '::before').backgroundColor)
  const green = await color()
  between.drop()
  await shows(page.getByRole('alert'), /can’t be reached: no connection. What you see is \d+ s old/)
  await shows(page.getByRole('alert'), 'rollcall doctor --url ' + new URL(page.url()).origin) // as it works anywhere
  assert.notEqual(await color(), green)
  await shows(page.locator('.age'), 'not live')
  between.cut = false
  await page.locator('.gone-banner').waitFor({ state: 'detached' })
  assert.equal(await color(), green)
})

test('when the platform is the suspect, one banner says so, and no row repeats it', async t => {
  const mark = some(), all = [await workspace(t, { name: mark + ' a' }), await workspace(t, { name: mark + ' b' })]
  const hint = 'many agents fell silent at once ' + mark
  const page = await visit(t)
  await page.route(/workspaces\?/, async route => {
    const answer = await route.fetch(), fleet = await answer.json()
    for (const w of fleet.workspaces) {
      if (all.some(one => one.id === w.id)) Object.assign(w, { status: 'unknown', reason: 'platform_suspect', problem: 'platform', hint, command: 'rollcall sweep' })
    }
    await route.fulfill({ response: answer, json: fleet })
  })
  await page.goto(page.url() + '?search=' + mark)
  await shows(page.locator('.banner h2'), /The platform may be what is wrong: 2 of \d+ workspaces/)
  await shows(page.locator('.banner .command'), 'rollcall sweep')
  await shows(row(page, all[0].id), 'Unknown')
  assert.equal(await page.getByText(hint).count(), 1)
})

test('a person signs in, and out again', async t => {
  const w = await workspace(t, { name: 'secret ' + some() }), between = await proxy(t)
  between.credential = operator
  const page = await visit(t, '', { at: between.url, quiet: false })
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await page.getByText(w.id).count(), 0)
  await page.getByLabel('Your credential').fill('wrong')
  await page.keyboard.press('Enter')
  await shows(page.getByRole('alert'), 'nobody has this credential')
  await page.getByLabel('Your credential').fill(` ${operator} `)
  await page.keyboard.press('Enter')
  await page.getByRole('search').waitFor()
  assert.ok(!page.url().includes(operator))
  assert.equal(await page.evaluate(() => localStorage.length + document.cookie.length), 0)
  await page.getByRole('button', { name: 'Sign out' }).click()
  await page.getByRole('heading', { name: 'Sign in' }).waitFor()
  assert.equal(await page.evaluate(() => sessionStorage.length), 0)
  assert.equal((await call('GET', '/whoami')).scope, 'admin')
})

for (const width of [390, 768, 1440]) {
  test(`nothing sticks out at ${width} pixels`, async t => {
    const name = 'مساعد ' + 'averylongwordwithoutanyspace'.repeat(5) + some()
    const w = await workspace(t, { name })
    await w.register({ url: await agent(t) })
    const page = await visit(t, '?search=' + w.id, { viewport: { width, height: 844 } })
    await row(page, w.id).waitFor()
    const fits = () => page.evaluate(() => document.documentElement.scrollWidth <= innerWidth)
    assert.ok(await fits(), 'the fleet')
    await row(page, w.id).locator('a.name').click()
    await shows(page.locator('#history ~ .timeline'), 'Online')
    assert.ok(await fits(), 'a workspace')
  })
}

test('what the browser loads comes compressed through the front door, and is kept', async t => {
  const page = await visit(t, 'docs')
  for (const path of ['/docs', '/console/console.js', '/console/console.css', '/openapi.json']) {
    const load = () => page.evaluate(async path => {
      const answer = await fetch(path), text = await answer.text()
      const timing = performance.getEntriesByName(answer.url).at(-1)
      return { encoding: answer.headers.get('content-encoding'), size: text.length, wire: timing.encodedBodySize, body: timing.transferSize }
    }, path)
    const first = await load()
    assert.equal(first.encoding, 'gzip', path)
    assert.ok(first.wire * 2 < first.size, `${path}: ${JSON.stringify(first)}`)
    if (path.startsWith('/console/')) assert.ok((await load()).body < 2_000, path + ' is not sent again')
  }
})
