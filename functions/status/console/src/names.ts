// What workspaces are called: pure. An agent chooses the name in its card, and may choose another's id, the platform's
// name or a person's. So the id stands first wherever a workspace is named, and the name after it, in quotation marks.
import { canBe } from './api'
import { visible } from './visible'

/** Called is so much of a workspace as its name needs. */
export interface Called { id: string; name?: string }

// The marks that look like those of a quotation, as shared/visible has them.
const marks = /[“”„‟″‶〝〞〟＂❝❞ʺˮ\u{1f676}\u{1f677}]/gu

/** unquoted is what somebody wrote, as it stands within quotation marks: nothing in it ends them. */
export const unquoted = (words: string) => visible(words).replace(marks, '"')

/** quoted is what somebody wrote, as it stands in a line of the console. */
export const quoted = (words: string) => `“${unquoted(words)}”`

/** idOf is an id as it is shown. What can't be one came with an address, whose writer chose its words. */
export const idOf = (id: string) => canBe(id) ? id : quoted(id)

/** ownName is what an agent calls its workspace, where that is another word than its id; else ''. */
export const ownName = ({ id, name }: Called) => name && name !== id ? name : ''

/** named is a workspace in a line of text, as a title or what a screen reader is told: Named is it on a page. */
export const named = (w: Called) => idOf(w.id) + (ownName(w) && ' ' + quoted(ownName(w)))

/** titleOf is the title of a page in the browser: how many workspaces need a hand, and of which one it is. */
export const titleOf = (wrong: number, page: string) => (wrong ? `(${wrong}) ` : '') + (page && page + ' · ') + 'Rollcall'
