// The API's page, in Chromium, on a phone and on a desk: it fits, its contents lead where they say, and axe finds nothing
// serious.
import assert from 'node:assert/strict'
import { after } from 'node:test'
import { closeBrowser, sound, test, visit } from './platform.mjs'

after(closeBrowser)

const sizes = [['phone', { width: 390, height: 844 }], ['desk', { width: 1280, height: 900 }]]
const schemes = ['light', 'dark']

for (const [name, viewport] of sizes) {
  for (const colorScheme of schemes) {
    test(`the API’s page fits a ${name}, ${colorScheme}`, async t => {
      const page = await visit(t, 'docs', { viewport, colorScheme, reducedMotion: 'reduce' })
      await page.locator('nav a').first().waitFor()
      await page.evaluate(() => { for (const d of document.querySelectorAll('details')) d.open = true })
      assert.ok(await page.evaluate(() => document.documentElement.scrollWidth <= innerWidth), 'it scrolls sideways')
      // A long line of an example scrolls in its own box. Nothing else sticks out.
      const out = await page.evaluate(() => [...document.querySelectorAll('body *:not(pre *)')]
        .filter(e => { const r = e.getBoundingClientRect(); return r.right > innerWidth + 1 || r.left < -1 })
        .map(e => e.outerHTML.slice(0, 120)))
      assert.deepEqual(out, [])
      await sound(page, name + ' ' + colorScheme)
    })
  }
}

test('on a phone each line of the contents can be hit, and leads where it says', async t => {
  const page = await visit(t, 'docs', { viewport: sizes[0][1], hasTouch: true, reducedMotion: 'reduce' })
  const links = page.locator('nav a'), contents = page.locator('a.top')
  const small = await links.evaluateAll(all => all.map(a => ({ text: a.textContent, height: a.getBoundingClientRect().height })).filter(a => a.height < 28))
  assert.deepEqual(small, [])
  const targets = await links.evaluateAll(all => all.map(a => a.getAttribute('href').slice(1)))
  assert.ok(targets.length > 40)
  const lost = await page.evaluate(ids => ids.filter(id => !document.getElementById(id)), targets)
  assert.deepEqual(lost, [], 'the contents name what is not there')
  for (const i of [0, Math.floor(targets.length / 2), targets.length - 3]) {
    await links.nth(i).tap()
    assert.equal(new URL(page.url()).hash, '#' + targets[i])
    const top = await page.evaluate(id => document.getElementById(id).getBoundingClientRect().top, targets[i])
    assert.ok(top > -1 && top < 200, `${targets[i]} is at ${top}`)
    await contents.tap()
    const shown = await page.evaluate(() => document.getElementById('contents').getBoundingClientRect().top)
    assert.ok(shown > -1 && shown < 200, `back at the contents: ${shown}`)
  }
})
