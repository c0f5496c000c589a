import './console.css'
// The console: which page is shown, and what stands around it.
import { render } from 'preact'
import { useLayoutEffect, useRef, useState } from 'preact/hooks'
import { inNeed } from './fleet'
import { FleetPage } from './fleetpage'
import { go, useKeys, useLive, useNow, useQuery } from './hooks'
import { Live } from './live'
import type { State } from './live'
import { named, titleOf } from './names'
import { Command, Dialog, Keys, Link, Name } from './parts'
import { SignIn } from './signin'
import { span } from './time'
import { visible } from './visible'
import { WebhooksPage } from './webhooks'
import { WorkspacePage } from './workspacepage'

const live = new Live()
Object.assign(globalThis, { rollcall: live }) // for who looks why a page shows what it shows: rollcall.state

function Console() {
  const state = useLive(live), query = useQuery()
  const [keys, showKeys] = useState(false), [signing, sign] = useState(false)
  const asked = new URLSearchParams(query), id = asked.get('workspace'), hooks = asked.has('webhooks')
  useKeys(key => { if (key === '?') showKeys(true) })
  useLayoutEffect(() => { if (!id && !hooks) fleetAddress = query }, [query])
  const opened = useRef<string | null>(null) // the workspace that was shown last, until the fleet is
  useLayoutEffect(() => { opened.current = id })
  useTitle(state, hooks ? 'Webhooks' : id ? named(state.fleet?.find(w => w.id === id) ?? { id }) : '')
  return (
    <div class={state.trouble ? 'unreached' : ''}>
      <a class="skip" href="#main">To the content</a>
      <header class="top">
        <a class="brand" aria-label="Rollcall" href={location.pathname} onClick={e => { e.preventDefault(); go('') }}><img src="console/icon.svg" alt="" width="24" height="24" /> <span>Rollcall</span></a>
        <nav aria-label="Rollcall">
          {state.refused === undefined && <Link query={fleetAddress} here={!id && !hooks}>Fleet</Link>}
          {state.refused === undefined && state.me?.scope !== 'view' && <Link query="?webhooks" here={hooks}>Webhooks</Link>}
          <a href="docs">API</a>
        </nav>
        <span class="spring" />
        <Age state={state} />
        <button type="button" class="keys-of" aria-label="Keys" title="Keys: ?" onClick={() => showKeys(true)}><kbd>?</kbd></button>
        <Person state={state} onSignIn={() => sign(true)} />
      </header>
      {state.trouble && <Gone state={state} />}
      <main id="main" tabIndex={-1}>
        {state.refused !== undefined
          ? <section class="gate"><h1>Sign in</h1><SignIn live={live} why={state.refused} /></section>
          : hooks ? <WebhooksPage live={live} state={state} onSignIn={() => sign(true)} />
            : id ? <WorkspacePage key={id} id={id} live={live} state={state} fleet={fleetAddress} onSignIn={() => sign(true)} />
              : <FleetPage live={live} state={state} query={query} from={opened.current ?? undefined} onSignIn={() => sign(true)} />}
      </main>
      <div role="log" aria-live="polite" aria-label="Changes" class="unseen">{state.news.map(({ n, text }) => <p key={n}>{text}</p>)}</div>
      {keys && <Keys onClose={() => showKeys(false)} />}
      {signing && <Dialog title="Sign in" onClose={() => sign(false)}><SignIn live={live} why="" onDone={() => sign(false)} /></Dialog>}
    </div>
  )
}

let fleetAddress = '' // of the fleet page, as the person left it

/** useTitle names the page, and says in the tab how many need a hand. No page is shown with another's title. */
function useTitle(state: State, page: string) {
  const wrong = inNeed(state.fleet ?? [])
  useLayoutEffect(() => { document.title = titleOf(wrong, page) }, [wrong, page])
}

/** Age says whether what is shown is true now. */
function Age({ state }: { state: State }) {
  if (!state.fleet) return null
  return state.trouble ? <span class="age">not live</span> : <span class="age live">live</span>
}

/** Gone says that the platform can't be asked, and how old the page is. */
function Gone({ state }: { state: State }) {
  useNow()
  const old = span((Date.now() - state.readAt) / 1000)
  return (
    <section class="gone-banner" role="alert">
      <p>The platform can’t be reached: {state.trouble}. {state.fleet && <>What you see is <b>{old} old</b>. </>}It is tried again every few seconds.</p>
      <p>From a terminal here, this says which part of the way to it is broken: <Command>{'rollcall doctor --url ' + location.origin}</Command></p>
    </section>
  )
}

function Person({ state, onSignIn }: { state: State; onSignIn: () => void }) {
  if (state.me) {
    return <span class="person"><span title={visible(`scope: ${state.me.scope}${state.me.team ? ', team: ' + state.me.team : ''}`)}><Name>{state.me.name}</Name></span>{' '}
      <button type="button" onClick={() => live.signOut()}>Sign out</button></span>
  }
  return state.refused === undefined && state.fleet ? <button type="button" onClick={onSignIn}>Sign in</button> : null
}

const place = document.getElementById('console')
if (place) {
  place.replaceChildren()
  render(<Console />, place)
}
live.start()
