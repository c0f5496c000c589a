// The webhooks: which URLs are told of changes of status, how each does, and what an operator does about it.
import { useEffect, useRef, useState } from 'preact/hooks'
import { Problem, call, get } from './api'
import type { CreatedWebhook, EnabledWebhook, Status, TestedWebhook, Webhook, Webhooks } from './api'
import { Confirm } from './confirm'
import type { Done } from './confirm'
import { useNow } from './hooks'
import type { Live, State } from './live'
import { Ago, Command, Copy, Due, For, Icon, Said } from './parts'
import { sentence } from './refusals'
import { visible } from './visible'
import { statusWords, worstFirst } from './words'
import type { Tone } from './words'

const every = 5_000

/** useWebhooks reads the webhooks, again and again. */
function useWebhooks(live: Live, state: State) {
  const [hooks, set] = useState<Webhook[] | undefined>(undefined), [refused, refuse] = useState<Problem | undefined>(undefined)
  const [turn, next] = useState(0)
  const rests = useRef(false)
  rests.current = !!state.trouble || !!refused
  useEffect(() => {
    const ends = new AbortController()
    get<Webhooks>('webhooks', ends.signal).then(
      ({ webhooks }) => { set(webhooks); refuse(undefined); live.hooksRead(webhooks) },
      e => { if (e instanceof Problem && (e.status === 401 || e.status === 403)) refuse(e) })
    return () => ends.abort()
  }, [turn, state.me])
  useEffect(() => {
    const timer = setInterval(() => { if (!document.hidden && !rests.current) next(n => n + 1) }, every)
    return () => clearInterval(timer)
  }, [])
  return { hooks, refused, again: () => next(n => n + 1) }
}

/** WebhooksPage is the list of webhooks. */
export function WebhooksPage({ live, state, onSignIn }: { live: Live; state: State; onSignIn: () => void }) {
  const now = useNow(), { hooks, refused, again } = useWebhooks(live, state)
  const [doing, open] = useState<{ act: Act; hook?: Webhook } | undefined>(undefined)
  const head = <>
    <h1>Webhooks</h1>
    <p class="muted">Each URL is told of changes of status, in their order, by a POST that is signed as Standard Webhooks say.</p>
  </>
  if (refused) {
    return <>{head}<div class="empty">
      <p>{state.me ? 'Your credential may only look: webhooks are for operators.' : 'Webhooks are for operators: sign in to see them.'}</p>
      {!state.me && <p><button type="button" class="main" onClick={onSignIn}>Sign in</button></p>}
    </div></>
  }
  if (!hooks) return <p class="muted reading" role="status">Reading the webhooks …</p>
  return (
    <>
      <header class="head"><div>{head}</div>
        {hooks.length > 0 && <button type="button" class="main" onClick={() => open({ act: 'create' })}>Add a webhook…</button>}</header>
      {hooks.length === 0 && <div class="empty">
        <p>No URL is told yet. Add one, and a pager or a chat learns of a broken agent when it breaks.</p>
        <p><button type="button" class="main" onClick={() => open({ act: 'create' })}>Add a webhook…</button></p>
        <p><Command>rollcall webhook create https://hooks.example.com/rollcall</Command></p>
      </div>}
      <ul class="hooks">{hooks.map(h => <Hook key={h.webhook_id} h={h} now={now} act={act => open({ act, hook: h })} />)}</ul>
      {doing && <HookDialog {...doing} onClose={() => { open(undefined); again() }} />}
    </>
  )
}

/** looks are the dot of a webhook and its word. One that has taken no event yet has shown nothing. */
const looks: Record<Webhook['state'], [Tone, string]> = {
  working: ['good', 'Working'], waiting: ['idle', 'Nothing told yet'], failing: ['bad', 'Failing'], disabled: ['idle', 'Disabled'],
}

const count = (n: number, what: string) => `${n} ${what}${n === 1 ? '' : 's'}`

/** toldOf is what a webhook is told of. */
const toldOf = (statuses: Status[]) =>
  statuses.length ? 'changes from or to ' + statuses.map(s => statusWords[s].toLowerCase()).join(', ') : 'every change of status'

function Hook({ h, now, act }: { h: Webhook; now: number; act: (act: Act) => void }) {
  const [tone, words] = looks[h.state]
  return (
    <li class="card" data-webhook={h.webhook_id} aria-label={visible(h.url)}>
      <div>
        <h2><code class="url">{visible(h.url)}</code></h2>
        <p><span class={'dot ' + tone}><b>{words}</b></span>{' '}<span class="muted">
          {h.state === 'failing' && <>{h.failing_since && <>for <For at={h.failing_since} now={now} />, </>}{h.failures === 1 ? '1 try' : `${h.failures} tries in a row`}</>}
          {h.state === 'disabled' && <><Ago at={h.disabled_at} now={now} />{h.reason && <>: <Said now={now}>{h.reason}</Said></>}</>}</span></p>
        {h.state === 'failing' && h.reason && <p class="error"><Said now={now}>{h.reason}</Said></p>}
        {!!h.missed && <p class="remark"><Icon name="warn" /><span>{count(h.missed, 'change')} went by untold: the log no longer had them.</span></p>}
        <div class="acts" role="group" aria-label="What an operator can do">
          {actsOf(h).map(a => <button type="button" key={a} class={a === 'delete' ? 'grave' : a === 'enable' || a === 'retry' ? 'main' : ''} onClick={() => act(a)}>{doings[a].label}…</button>)}
        </div>
      </div>
      <dl class="facts">
        <div><dt>Told of</dt><dd>{toldOf(h.statuses)}</dd></div>
        <div><dt>Last taken</dt><dd><Ago at={h.last_taken_at} now={now} /></dd></div>
        <div><dt>Behind</dt><dd>{h.behind ? count(h.behind, 'change') + ' to tell' : 'by nothing'}</dd></div>
        {h.next_try_at && h.state === 'failing' && <div><dt>Next try</dt><dd><Due at={h.next_try_at} now={now} /></dd></div>}
        <div><dt>Added</dt><dd><Ago at={h.created_at} now={now} /> by {visible(h.created_by)}</dd></div>
        <div><dt>Webhook</dt><dd><code>{visible(h.webhook_id)}</code><Copy text={h.webhook_id} what="the webhook’s id" /></dd></div>
      </dl>
    </li>
  )
}

type HookAct = 'test' | 'enable' | 'retry' | 'disable' | 'rotate' | 'delete'
type Act = HookAct | 'create'

const actsOf = (h: Webhook): HookAct[] =>
  [...(h.state === 'disabled' ? ['enable' as const] : h.state === 'failing' ? ['retry' as const] : []), 'test',
    ...(h.state === 'disabled' ? [] : ['disable' as const]), 'rotate', 'delete']

const at = (h: Webhook, ...rest: string[]) => ['webhooks', h.webhook_id, ...rest].map(encodeURIComponent).join('/')

interface Doing {
  label: string
  title: string // with ID for the webhook's
  does: string
  danger?: boolean
  command: string // of rollcall webhook
  run: (h: Webhook, fromNow: boolean) => Promise<Done>
}

const enable = async (h: Webhook, fromNow: boolean) => {
  const { next } = await call<EnabledWebhook>('POST', at(h, 'enable'), { from_now: fromNow })
  return { words: next ? `It is told again. ${sentence(next)}` : 'It is told again.' }
}

const doings: Record<HookAct, Doing> = {
  test: {
    label: 'Test', title: 'Test webhook ID', command: 'test',
    does: 'Posts an event of the type webhook.test, which tells of nothing, and says what the receiver answered.',
    run: async h => {
      const { http_status, hint } = await call<TestedWebhook>('POST', at(h, 'test'))
      const took = `Its receiver took the event, and answered HTTP ${http_status}.`
      return { words: hint ? `${took} ${sentence(hint)}` : took }
    },
  },
  enable: {
    label: 'Enable', title: 'Enable webhook ID', command: 'enable', run: enable,
    does: 'It is told again, from where it was, and tried at once.',
  },
  retry: {
    label: 'Try now', title: 'Try webhook ID now', command: 'enable', run: enable,
    does: 'What it did not take is posted at once, not only when its pause is over.',
  },
  disable: {
    label: 'Disable', title: 'Disable webhook ID', danger: true, command: 'disable',
    does: 'It is told nothing until it is enabled. It then goes on where it was.',
    run: async h => { await call('POST', at(h, 'disable')); return { words: 'It is disabled.' } },
  },
  rotate: {
    label: 'New secret', title: 'Give webhook ID a new secret', command: 'rotate',
    does: 'Makes a new secret, which is shown here once. For a day its events are signed with both, so the receiver can change it in between.',
    run: async h => {
      const done = await call<CreatedWebhook>('POST', at(h, 'rotate'))
      return { words: sentence(done.next), secret: done.secret }
    },
  },
  delete: {
    label: 'Delete', title: 'Delete webhook ID', danger: true, command: 'delete',
    does: 'It is told nothing any more, and its secret is forgotten. This can’t be taken back.',
    run: async h => { await call('DELETE', at(h)); return { words: 'It is deleted.' } },
  },
}

function HookDialog({ act, hook, onClose }: { act: Act; hook?: Webhook; onClose: () => void }) {
  return act === 'create' || !hook ? <CreateDialog onClose={onClose} /> : <ActDialog act={act} hook={hook} onClose={onClose} />
}

function ActDialog({ act, hook, onClose }: { act: HookAct; hook: Webhook; onClose: () => void }) {
  const [fromNow, choose] = useState(false), doing = doings[act]
  return (
    <Confirm title={doing.title.replace('ID', hook.webhook_id)} does={doing.does} button={doing.label} danger={doing.danger} secret="secret"
      command={`rollcall webhook ${doing.command} ${hook.webhook_id}${fromNow ? ' --from-now' : ''}`}
      run={() => doing.run(hook, fromNow)} onClose={onClose}>
      <p><code class="url">{visible(hook.url)}</code></p>
      {doing.command === 'enable' && hook.behind > 0 && <label class="check"><input type="checkbox" checked={fromNow} onChange={e => choose(e.currentTarget.checked)} />
        <span>Leave out what it was not told: {count(hook.behind, 'change')}</span></label>}
    </Confirm>
  )
}

/** CreateDialog asks for a webhook's URL, and for what it is told of. */
function CreateDialog({ onClose }: { onClose: () => void }) {
  const [url, write] = useState(''), [only, choose] = useState<Status[]>([])
  const to = url.trim(), statuses = worstFirst.filter(s => only.includes(s))
  return (
    <Confirm title="Add a webhook" button="Add" ready={to !== ''} secret="secret"
      does="The URL is told of each change of status from now on. The secret that signs its events is shown here once."
      command={`rollcall webhook create ${to || 'https://hooks.example.com/rollcall'}${statuses.length ? ' --status ' + statuses.join(',') : ''}`}
      run={async () => {
        const made = await call<CreatedWebhook>('POST', 'webhooks', { url: to, statuses })
        return { words: sentence(made.next), secret: made.secret }
      }} onClose={onClose}>
      <label class="column"><span>URL</span>
        <input type="url" value={url} autocomplete="off" spellcheck={false} placeholder="https://hooks.example.com/rollcall" onInput={e => write(e.currentTarget.value)} /></label>
      <fieldset>
        <legend>Only changes from or to</legend>
        <div class="choices">{worstFirst.map(s => <label class="check" key={s}>
          <input type="checkbox" checked={only.includes(s)} onChange={e => choose(e.currentTarget.checked ? [...only, s] : only.filter(o => o !== s))} />
          <span>{statusWords[s]}</span></label>)}</div>
        <p class="muted">It is told of {toldOf(statuses)}.</p>
      </fieldset>
    </Confirm>
  )
}
