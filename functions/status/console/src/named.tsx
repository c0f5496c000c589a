import type { ComponentChildren } from 'preact'
import { idOf, ownName, unquoted } from './names'
import type { Called } from './names'

/** Quoted is what an agent or a caller wrote, in its own direction, within marks that nothing in it ends. */
export const Quoted = ({ children }: { children: string }) => <span class="called">“<bdi dir="auto">{unquoted(children)}</bdi>”</span>

/** Named is a workspace: its id, and after it what its agent calls it. link is what is made of the id. */
export const Named = ({ w, link = id => id }: { w: Called; link?: (id: ComponentChildren) => ComponentChildren }) => (
  <>{link(<code class="id">{idOf(w.id)}</code>)}{ownName(w) && <>{' '}<Quoted>{ownName(w)}</Quoted></>}</>
)
