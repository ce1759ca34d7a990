// The two charts, in a chunk of their own: they may come a moment after the page.
import { useEffect, useMemo, useRef, useState } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import type { History } from '../../api/types';
import { useDark } from '../../theme';
import { Button } from '../../ui/basics';
import { count, duration, plural } from '../../words';

const HEIGHT = 180;
const DAY_S = 86_400;

interface Line {
  name: string;
  colour: string; // a custom property of tokens.css
  values: (number | null)[];
  drawn?: (number | null)[]; // when it stands on others
  dash?: number[];
  total: string;
}

interface ChartProps {
  label: string;
  times: number[];
  bucket: number;
  lines: Line[];
  kind: 'bars' | 'lines';
  words: (value: number) => string;
  least: number; // the scale reaches at least so high
}

const bars = uPlot.paths.bars!({ size: [0.72, 20], align: 1 });
const colourOf = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

const HOUR = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hour12: false });
const DAY = new Intl.DateTimeFormat(undefined, { month: 'short', day: 'numeric' });
const MOMENT = new Intl.DateTimeFormat(undefined, {
  month: 'short',
  day: 'numeric',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
});

function tickWords(_: uPlot, ticks: number[]): string[] {
  const wide = (ticks.at(-1) ?? 0) - (ticks[0] ?? 0) > 2 * DAY_S;
  return ticks.map((tick) => (wide ? DAY : HOUR).format(tick * 1_000));
}

function seriesOf(line: Line, kind: ChartProps['kind']): uPlot.Series {
  const stroke = colourOf(line.colour);
  if (kind === 'bars') return { label: line.name, fill: stroke, stroke, width: 0, paths: bars, points: { show: false } };
  return {
    label: line.name,
    stroke,
    width: 1.75,
    dash: line.dash,
    spanGaps: true,
    points: { show: true, size: 4, fill: stroke },
  };
}

function Chart({ label, times, bucket, lines, kind, words, least }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = useDark();
  const [at, setAt] = useState<number | null>(null);
  const data = useMemo<uPlot.AlignedData>(
    () => [times, ...lines.map((line) => line.drawn ?? line.values)] as uPlot.AlignedData,
    [times, lines],
  );

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const grid = { stroke: colourOf('--line'), width: 1 };
    const axis: uPlot.Axis = {
      stroke: colourOf('--muted'),
      font: `11px ${colourOf('--font')}`,
      grid,
      ticks: { ...grid, size: 4 },
    };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        padding: [8, 4, 0, 0],
        cursor: { y: false, drag: { x: false, y: false }, points: { show: kind === 'lines' } },
        legend: { show: false },
        scales: {
          x: { range: (_, from, to) => [from, kind === 'bars' ? to + bucket : to] },
          y: { range: (_, __, max) => [0, Math.max(least, (max ?? 0) * 1.08)] },
        },
        series: [{}, ...lines.map((line) => seriesOf(line, kind))],
        axes: [
          { ...axis, size: 30, grid: { show: false }, values: tickWords, space: 64 },
          { ...axis, size: 58, space: 36, values: (_, ticks) => ticks.map((tick) => (tick === 0 ? '0' : words(tick))) },
        ],
        hooks: { setCursor: [(drawn) => setAt(drawn.cursor.idx ?? null)] },
      },
      data,
      element,
    );
    const resize = new ResizeObserver(() => plot.setSize({ width: element.clientWidth, height: HEIGHT }));
    resize.observe(element);
    return () => {
      resize.disconnect();
      plot.destroy();
    };
    // `lines` and `words` go with `data`.
  }, [data, bucket, dark, kind, least]);

  const hovered = at !== null && times[at] !== undefined;
  return (
    <figure className="chart">
      <figcaption className="legend">
        {(kind === 'bars' ? [...lines].reverse() : lines).map((line) => {
          const value = hovered ? line.values[at] : undefined;
          return (
            <span key={line.name} className="legend-line">
              <span className={`swatch ${kind}`} style={{ '--swatch': `var(${line.colour})` } as object} />
              {line.name} <strong>{hovered ? (value == null ? '–' : words(value)) : line.total}</strong>
            </span>
          );
        })}
        <span className="legend-time muted">{hovered ? MOMENT.format(times[at]! * 1_000) : ''}</span>
      </figcaption>
      <div ref={box} role="img" aria-label={label} onMouseLeave={() => setAt(null)} />
    </figure>
  );
}

const whole = (value: number) => (Number.isInteger(value) ? count(value) : '');
const seconds = (value: number) => duration(value * 1_000);
const maybe = (value: number | null) => (value === null ? '–' : seconds(value));

interface Props {
  history: History;
  range: string;
  stale: boolean;
}

export default function Charts({ history, range, stale }: Props) {
  const [waits, setWaits] = useState(false);
  const { buckets, totals, bucket_seconds } = history;
  const times = useMemo(() => buckets.map((bucket) => Date.parse(bucket.at) / 1_000), [buckets]);

  const ended = useMemo<Line[]>(() => {
    const sum = (...names: ('completed' | 'failed' | 'cancelled')[]) =>
      buckets.map((bucket) => names.reduce((all, name) => all + bucket[name], 0));
    const line = (name: 'completed' | 'failed' | 'cancelled', drawn: number[]): Line => ({
      name: name[0]!.toUpperCase() + name.slice(1),
      colour: `--${name}`,
      values: sum(name),
      drawn,
      total: count(totals[name]),
    });
    // Bars stand on each other: the tallest is drawn first.
    return [
      line('cancelled', sum('completed', 'failed', 'cancelled')),
      line('failed', sum('completed', 'failed')),
      line('completed', sum('completed')),
    ];
  }, [buckets, totals]);

  const times50 = useMemo<Line[]>(() => {
    const kind = waits ? 'wait' : 'run_time';
    return [
      {
        name: 'Median',
        colour: '--accent',
        values: buckets.map((bucket) => bucket[`${kind}_p50`]),
        total: maybe(totals[`${kind}_p50`]),
      },
      {
        name: '95 of 100 within',
        colour: '--muted',
        values: buckets.map((bucket) => bucket[`${kind}_p95`]),
        dash: [4, 4],
        total: maybe(totals[`${kind}_p95`]),
      },
    ];
  }, [buckets, totals, waits]);

  const finished = totals.completed + totals.failed + totals.cancelled;
  return (
    <div className={stale ? 'charts stale' : 'charts'}>
      <section aria-label="Throughput">
        <h3>
          {plural(finished, 'job')} ended{' '}
          <span className="muted">
            in the last {range}; {count(totals.submitted)} submitted, {count(totals.retried)} retried, {count(totals.reset)}{' '}
            reset
          </span>
        </h3>
        <Chart
          label={`Last ${range}: ${totals.completed} completed, ${totals.failed} failed, ${totals.cancelled} cancelled`}
          times={times}
          bucket={bucket_seconds}
          lines={ended}
          kind="bars"
          words={whole}
          least={4}
        />
      </section>
      <section aria-label={waits ? 'Waiting time' : 'Run time'}>
        <h3 className="chart-switch">
          <Button look="quiet" aria-pressed={!waits} onClick={() => setWaits(false)}>
            Run time
          </Button>
          <Button look="quiet" aria-pressed={waits} onClick={() => setWaits(true)}>
            Waiting time
          </Button>
        </h3>
        <Chart
          label={`${waits ? 'Waiting' : 'Run'} time, last ${range}: median ${times50[0]!.total}, 95 of 100 within ${times50[1]!.total}`}
          times={times}
          bucket={bucket_seconds}
          lines={times50}
          kind="lines"
          words={seconds}
          least={0.1}
        />
      </section>
    </div>
  );
}
