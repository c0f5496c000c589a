// Small parts that several pages are made of.
import type { ComponentChildren } from 'preact'
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks'
import { platformNow } from './api'
import type { Expectation, Status } from './api'
import { go } from './hooks'
import { said } from './said'
import { ago, exact, span } from './time'
import { visible } from './visible'
import { statusWords, tone } from './words'
import type { Tone } from './words'

/** Name is what people or agents called something, in its own direction. */
export const Name = ({ children }: { children: string }) => <bdi dir="auto">{visible(children)}</bdi>

/** Link is a link to a page of the console; here: to the one that is shown. */
export const Link = ({ query, here = false, children }: { query: string; here?: boolean; children: ComponentChildren }) => (
  <a href={location.pathname + query} aria-current={here ? 'page' : undefined} onClick={e => {
    if (e.ctrlKey || e.metaKey || e.shiftKey) return
    e.preventDefault()
    go(query)
  }}>{children}</a>
)

/** Dot is a status: a colour, a shape and a word. look is its tone, where that is not of now. */
export const Dot = ({ status, expected, look }: { status: Status; expected?: Expectation; look?: Tone }) => (
  <span class={'dot ' + (look ?? tone(status, expected))}><b>{statusWords[status]}</b></span>
)

const Time = ({ at, children }: { at: string; children: string }) => <time dateTime={at} title={exact(at)}>{children}</time>

/** Ago is a time: relative, and exact when it is pointed at. */
export const Ago = ({ at, now }: { at: string | undefined; now: number }) => at ? <Time at={at}>{ago(at, now)}</Time> : <>never</>

/** Due is when something comes next: now, once its time is there. */
export const Due = ({ at, now }: { at: string; now: number }) => Date.parse(at) > now ? <Ago at={at} now={now} /> : <Time at={at}>now</Time>

/** For is how long it is since a time, which is exact when it is pointed at. */
export const For = ({ at, now }: { at: string; now: number }) => <Time at={at}>{lasts(now - Date.parse(at)) || 'under 1 s'}</Time>

/** After is how long a time is after another. */
export const After = ({ at, from }: { at: string; from: string }) => {
  const after = lasts(Date.parse(at) - Date.parse(from))
  return <Time at={at}>{after ? 'after ' + after : 'at once'}</Time>
}

const lasts = (milliseconds: number) => milliseconds < 500 ? '' : span(milliseconds / 1000)

/**
 * Said is a text of the API, with its times said as all others are, and its commands for the workspace id to copy. The
 * one that stands beside the text is named in words. What is quoted in it has neither.
 */
export const Said = ({ children = '', now = platformNow(), id, beside }: {
  children: string | undefined; now?: number; id?: string | undefined; beside?: string | undefined
}) => (
  <>{said(children, now, id, beside).map((piece, i) => typeof piece === 'string' ? visible(piece)
    : 'command' in piece ? <InText key={i}>{piece.command}</InText>
      : <Time key={i} at={piece.at}>{piece.words}</Time>)}</>
)

const paths = {
  copy: 'M9 9h10v10H9zM5 15V5h10',
  done: 'M5 12.5l4.5 4.5L19 7.5',
  back: 'M14 6l-6 6 6 6',
  open: 'M9 6l6 6-6 6',
  search: 'M10.5 17a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13zM15.5 15.5L20 20',
  warn: 'M12 4l9 16H3zM12 10v4.5M12 17.2v.6',
}

export const Icon = ({ name }: { name: keyof typeof paths }) => (
  <svg class="icon" viewBox="0 0 24 24" aria-hidden="true"><path d={paths[name]} /></svg>
)

/** Copy copies a text, and says so. */
export function Copy({ text, what }: { text: string; what: string }) {
  const [done, set] = useState('')
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined)
  useEffect(() => () => clearTimeout(timer.current), [])
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(text)
      set('Copied')
    } catch {
      set('Not copied: the browser refuses it')
    }
    clearTimeout(timer.current)
    timer.current = setTimeout(() => set(''), 2_000)
  }
  return (
    <button type="button" class="copy" title={done || 'Copy ' + what} aria-label={'Copy ' + what} onClick={copy}>
      <Icon name={done === 'Copied' ? 'done' : 'copy'} />
      <span role="status" class="unseen">{done}</span>
    </button>
  )
}

/** Code is a command that is broken between its words, and in one only if it is too long. */
const Code = ({ children }: { children: string }) => (
  <code>{visible(children).split(' ').flatMap((word, i) => [i ? ' ' : '', <span key={i}>{word}</span>])}</code>
)

const InText = ({ children }: { children: string }) => (
  <span class="in-text"><Code>{children}</Code><Copy text={visible(children)} what="the command" /></span>
)

/** Command is a command to run, with a button that copies it. Who may not run it is told which scope it needs. */
export const Command = ({ children, needs }: { children: string; needs?: string | undefined }) => {
  const command = <span class="command"><Code>{children}</Code><Copy text={visible(children)} what="the command" /></span>
  return needs ? <span class="needing">{command}<span class="muted">needs the scope {needs}</span></span> : command
}

/** Dialog is a dialog that is open as long as it is drawn. held: only a button of its own closes it. */
export function Dialog({ title, onClose, children, wide = false, held = false }: {
  title: string; onClose: () => void; children: ComponentChildren; wide?: boolean; held?: boolean
}) {
  const at = useRef<HTMLDialogElement>(null)
  useLayoutEffect(() => {
    const before = document.activeElement as HTMLElement | null, dialog = at.current
    dialog?.showModal()
    return () => { // the browser gave the focus back when it closed it, and a key may have taken it on since
      const now = document.activeElement
      if (!now || now === document.body || dialog?.contains(now)) before?.focus()
    }
  }, [])
  return (
    <dialog ref={at} class={wide ? 'wide' : ''} aria-labelledby="dialog-title" onClose={onClose}
      onCancel={e => { if (held) e.preventDefault() }} onClick={e => { if (e.target === at.current && !held) onClose() }}>
      <div class="dialog-body">
        <h2 id="dialog-title">{title}</h2>
        {children}
      </div>
    </dialog>
  )
}

export const Keys = ({ onClose }: { onClose: () => void }) => (
  <Dialog title="Keys" onClose={onClose}>
    <dl class="keys">
      {([['/', 'search the fleet'], ['j', 'next row'], ['k', 'row before'], ['Enter', 'open the row'],
        ['Esc', 'leave the search, or go back to the fleet'], ['?', 'show this']] as const).map(([key, does]) => (
        <div key={key}><dt><kbd>{key}</kbd></dt><dd>{does}</dd></div>
      ))}
    </dl>
    <p class="buttons"><button type="button" class="main" onClick={onClose}>Close</button></p>
  </Dialog>
)
