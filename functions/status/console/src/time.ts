// Times: relative, as a person reads them, and exact with the zone.
const units: Array<[number, string]> = [[86_400, 'd'], [3_600, 'h'], [60, 'min'], [1, 's']]

/** span is a number of seconds in its largest unit. */
export function span(seconds: number): string {
  const s = Math.max(0, Math.round(seconds))
  const [size, unit] = units.find(([size]) => s >= size) ?? [1, 's']
  return Math.floor(s / size) + ' ' + unit
}

/** ago is how long a time is past. */
export function ago(at: string | undefined, now: number): string {
  if (!at) return 'never'
  const seconds = (now - Date.parse(at)) / 1000
  if (seconds < -1) return 'in ' + span(-seconds)
  return seconds < 1 ? 'now' : span(seconds) + ' ago'
}

const exactly = new Intl.DateTimeFormat(undefined, {
  year: 'numeric', month: 'short', day: 'numeric', hour: '2-digit', minute: '2-digit', second: '2-digit',
  timeZoneName: 'short',
})

/** exact is a time in the person's own zone, which it names, and in UTC. */
export const exact = (at: string | number) => `${exactly.format(new Date(at))} · ${new Date(at).toISOString().slice(0, 19)}Z`

const clockly = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' })

/** clock is the time of day, in the person's own zone: for the axis of a chart alone. */
export const clock = (at: string | number) => clockly.format(new Date(at))

const dayly = new Intl.DateTimeFormat(undefined, { weekday: 'short', month: 'short', day: 'numeric' })

/** day is the day of a time. */
export const day = (at: string) => dayly.format(new Date(at))
