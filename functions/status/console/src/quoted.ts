// What others wrote in a text of the platform: an agent, a sender, a peer, or what came back from a URL. It stands in
// quotation marks, which shared/visible writes as others inside of them. Whatever reads a text for anything goes by these
// functions, so that nobody's words are taken for the platform's. shared/visible has the same rule, and both are held to
// test/quotations.json.

/** Own are words that the platform itself wrote. */
export type Own = string & { readonly own: unique symbol }

/** Part is a part of a text: the platform's own words, or somebody's in their quotation marks. */
export type Part = { own: Own; quoted?: never } | { own?: never; quoted: string }

/**
 * parts are a text, cut where somebody's words begin and end. Whatever may be somebody's is: what a mark opens that
 * nothing closes goes on to the end of the text, and what a mark closes that nothing opened began with the text.
 */
export function parts(text: string): Part[] {
  let out: Part[] = [], end = 0, depth = 0, plain = false, escaped = false, from = 0 // depth: of “, within what begins at from
  const quotes = (to: number) => {
    if (from > end) out.push({ own: text.slice(end, from) as Own })
    out.push({ quoted: text.slice(from, to) })
    end = to
  }
  for (let at = 0; at < text.length; at++) {
    const mark = text[at], literal = escaped
    let was = depth > 0 || plain
    escaped = false
    if (mark === '“') depth++
    else if (mark === '”' && depth > 0) depth--
    else if (mark === '”') [out, end, from, was] = [[], 0, 0, true]
    else if (depth > 0 || literal) continue
    else if (mark === '"') plain = !plain
    else if (mark === '\\') escaped = plain
    const is = depth > 0 || plain
    if (is && !was) from = at
    if (was && !is) quotes(at + 1)
  }
  if (depth > 0 || plain) quotes(text.length)
  if (end < text.length) out.push({ own: text.slice(end) as Own })
  return out
}

/** outsideQuotes is a text in which the platform's own words are rewritten, and no quotation is. */
export const outsideQuotes = (text: string, rewrite: (own: Own) => string) =>
  parts(text).map(part => part.quoted ?? rewrite(part.own)).join('')
