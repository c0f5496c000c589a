import { useEffect, useMemo, useRef, useState } from 'preact/hooks'
import uPlot from 'uplot'
import 'uplot/dist/uPlot.min.css'
import { clock } from './time'

/** Line is what one line or row of bars of a chart shows. */
export interface Line { name: string; color: string; values: number[] } // color: a variable of the style sheet

const height = 132

/** Chart draws lines, or bars, over time. A screen reader is told what says of them. */
export function Chart({ title, says, times, lines, bars = false, write }: {
  title: string; says: string; times: number[]; lines: Line[]; bars?: boolean; write: (value: number) => string
}) {
  const place = useRef<HTMLDivElement>(null), plot = useRef<uPlot | undefined>(undefined)
  const [at, point] = useState<number | null | undefined>(undefined), dark = useDark()
  const data = useMemo<uPlot.AlignedData>(() => [times, ...stacked(lines.map(l => l.values), bars)] as uPlot.AlignedData, [times, lines, bars])
  const shape = lines.map(l => l.name).join() + dark
  useEffect(() => {
    const root = place.current
    if (!root) return
    const style = getComputedStyle(root), color = (name: string) => style.getPropertyValue(name).trim()
    const axis = { stroke: color('--muted'), grid: { stroke: color('--faint'), width: 1 }, ticks: { show: false }, font: '11px system-ui, sans-serif' }
    const made = new uPlot({
      width: root.clientWidth, height, legend: { show: false }, cursor: { y: false, points: { show: false }, drag: { setScale: false, x: false } },
      padding: [8, 18, 0, 0],
      scales: { y: { range: (_u, _min, max) => [0, Math.max(max * 1.1, 4)] } },
      axes: [{ ...axis, size: 26, space: 70, values: (_u, ticks) => ticks.map(t => clock(t * 1000).slice(0, 5)) },
        { ...axis, size: 46, space: 34, values: (_u, ticks) => ticks.map(v => Number.isInteger(v) ? write(v) : '') }],
      // Of stacked bars the tallest is drawn first.
      series: [{}, ...lines.map(line => ({
        stroke: color(line.color), fill: color(line.color) + (bars ? '' : '33'), width: bars ? 0 : 1.5, points: { show: false },
        ...(bars ? { paths: uPlot.paths.bars?.({ size: [0.8, 14] }) } : {}),
      }))],
      hooks: { setCursor: [u => point(u.cursor.idx)] },
    }, data, root)
    plot.current = made
    const resized = new ResizeObserver(() => made.setSize({ width: root.clientWidth, height }))
    resized.observe(root)
    return () => { resized.disconnect(); made.destroy() }
  }, [shape])
  useEffect(() => plot.current?.setData(data), [data])
  const time = typeof at === 'number' ? times[at] : undefined
  return (
    <figure class="chart">
      <figcaption>
        <h3>{title}</h3>
        <span class="legend" aria-hidden="true">{time !== undefined && <span class="muted">{clock(time * 1000).slice(0, 5)}</span>}
          {lines.map(l => <span key={l.name} class={'key ' + l.color.slice(2)}>{time !== undefined ? write(l.values[at ?? 0] ?? 0) + ' ' : ''}{l.name}</span>)}</span>
      </figcaption>
      <div ref={place} class="plot" role="img" aria-label={says} />
    </figure>
  )
}

/** stacked are rows of bars, each on those after it. */
function stacked(values: number[][], bars: boolean): number[][] {
  if (!bars) return values
  return values.map((row, i) => row.map((v, at) => v + values.slice(i + 1).reduce((sum, other) => sum + (other[at] ?? 0), 0)))
}

function useDark(): boolean {
  const query = useMemo(() => matchMedia('(prefers-color-scheme: dark)'), [])
  const [dark, set] = useState(query.matches)
  useEffect(() => {
    const changed = () => set(query.matches)
    query.addEventListener('change', changed)
    return () => query.removeEventListener('change', changed)
  }, [query])
  return dark
}

