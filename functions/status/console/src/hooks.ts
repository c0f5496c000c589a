// What listens begins to in a layout effect, which runs before the browser paints: a key that is pressed, or a change
// that comes, as soon as something is on the screen must not be lost.
import { useEffect, useLayoutEffect, useReducer, useRef, useState } from 'preact/hooks'
import { platformNow } from './api'
import type { Live, State } from './live'

/** useLive draws a component again after each change of the state. */
export function useLive(live: Live): State {
  const [, again] = useReducer((n: number) => n + 1, 0)
  useLayoutEffect(() => live.subscribe(() => again(undefined as never)), [live])
  return live.state
}

/** useNow is the platform's time, and draws a component again each second. */
export function useNow(): number {
  const [now, set] = useState(platformNow)
  useEffect(() => {
    const timer = setInterval(() => set(platformNow()), 1_000)
    return () => clearInterval(timer)
  }, [])
  return now
}

const goes = new EventTarget()

/** go shows another page, or the same one with another filter. */
export function go(query: string, { replace = false } = {}) {
  const address = location.pathname + query
  if (replace) history.replaceState(null, '', address)
  else history.pushState(null, '', address)
  goes.dispatchEvent(new Event('go'))
}

/** useQuery is the query of the page's address. */
export function useQuery(): string {
  const [query, set] = useState(location.search)
  useLayoutEffect(() => {
    const changed = () => set(location.search)
    goes.addEventListener('go', changed)
    addEventListener('popstate', changed)
    return () => {
      goes.removeEventListener('go', changed)
      removeEventListener('popstate', changed)
    }
  }, [])
  return query
}

/** useKeys has a function called for each key that no field takes. */
export function useKeys(pressed: (key: string, e: KeyboardEvent) => void) {
  const latest = useRef(pressed)
  latest.current = pressed
  useLayoutEffect(() => {
    const down = (e: KeyboardEvent) => {
      const at = e.target as HTMLElement
      if (e.ctrlKey || e.metaKey || e.altKey || document.querySelector('dialog[open]')) return
      if (at.matches('input, select, textarea') && e.key !== 'Escape') return
      latest.current(e.key, e)
    }
    addEventListener('keydown', down)
    return () => removeEventListener('keydown', down)
  }, [])
}
