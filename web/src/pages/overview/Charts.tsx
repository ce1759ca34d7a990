// The two charts, in a chunk of their own: they may come a moment after the page.
import { useEffect, useMemo, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';
import { useDark } from '../../theme';
import { duration, plural } from '../../words';
import type { History, Range } from './history';

const HEIGHT = 168;

interface ChartProps {
  label: string;
  data: uPlot.AlignedData;
  options: (colour: (name: string) => string) => Pick<uPlot.Options, 'series' | 'scales'> & { axis: uPlot.Axis };
}

const colour = (name: string) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function Chart({ label, data, options }: ChartProps) {
  const box = useRef<HTMLDivElement>(null);
  const dark = useDark();

  useEffect(() => {
    const element = box.current;
    if (!element) return;
    const { series, scales, axis } = options(colour);
    const lines = { stroke: colour('--line'), width: 1 };
    const common: uPlot.Axis = {
      stroke: colour('--muted'),
      font: '11px system-ui, sans-serif',
      grid: lines,
      ticks: { ...lines, size: 4 },
    };
    const plot = new uPlot(
      {
        width: element.clientWidth,
        height: HEIGHT,
        cursor: { y: false, drag: { x: false, y: false } },
        legend: { live: true },
        scales,
        series,
        axes: [{ ...common, grid: { show: false } }, { ...common, size: 56, ...axis }],
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
  }, [data, options, dark]);

  return (
    <figure className="chart">
      <figcaption>{label}</figcaption>
      <div ref={box} role="img" aria-label={label} />
    </figure>
  );
}

const bars = uPlot.paths.bars!({ size: [0.7, 24], align: -1 });
const clock: uPlot.Series = { label: 'Until', value: '{YYYY}-{MM}-{DD} {HH}:{mm}' };
// Bars are drawn over each other, the longest behind; what a series itself counts is what sticks out.
const own: uPlot.Series.Value = (plot, value, series, index) => {
  if (value === null || index === null) return '–';
  return String(value - (plot.data[series + 1]?.[index] ?? 0));
};
const long = (_: uPlot, value: number | null) => (value === null ? '–' : duration(value * 1_000));

const throughput: ChartProps['options'] = (named) => {
  const bar = (label: string, name: string): uPlot.Series => ({
    label,
    fill: named(name),
    stroke: named(name),
    width: 0,
    paths: bars,
    points: { show: false },
    value: own,
  });
  return {
    scales: { y: { range: (_, __, max) => [0, Math.max(4, max * 1.1)] } },
    series: [
      clock,
      bar('Cancelled', '--cancelled'),
      bar('Failed', '--failed'),
      bar('Completed', '--completed'),
    ],
    axis: { values: (_, ticks) => ticks.map((tick) => (Number.isInteger(tick) ? String(tick) : '')) },
  };
};

const runTime: ChartProps['options'] = (named) => {
  const line = (label: string, name: string, dash?: number[]): uPlot.Series => ({
    label,
    stroke: named(name),
    width: 1.5,
    dash,
    spanGaps: true,
    points: { show: true, size: 5, fill: named('--panel') },
    value: long,
  });
  return {
    scales: { y: { range: (_, __, max) => [0, Math.max(1, max * 1.1)] } },
    series: [clock, line('Median', '--accent'), line('Slowest', '--muted', [4, 4])],
    axis: { values: (_, ticks) => ticks.map((tick) => (tick === 0 ? '0' : duration(tick * 1_000))) },
  };
};

const sum = (values: number[]) => values.reduce((a, b) => a + b, 0);

export default function Charts({ history, range }: { history: History; range: Range }) {
  const ended = useMemo<uPlot.AlignedData>(() => {
    const worked = history.completed.map((value, index) => value + history.failed[index]!);
    const all = worked.map((value, index) => value + history.cancelled[index]!);
    return [history.times, all, worked, history.completed];
  }, [history]);
  const runs = useMemo<uPlot.AlignedData>(
    () => [history.times, history.median, history.slowest],
    [history],
  );
  const words =
    `Last ${range.name}: ${sum(history.completed)} completed, ` +
    `${sum(history.failed)} failed, ${sum(history.cancelled)} cancelled`;
  const slowest = Math.max(0, ...history.slowest.map((value) => value ?? 0));
  return (
    <div className="charts">
      <Chart label={words} data={ended} options={throughput} />
      <Chart
        label={`Run time of ${plural(sum(history.completed) + sum(history.failed), 'job')}, the slowest ${duration(slowest * 1_000)}`}
        data={runs}
        options={runTime}
      />
    </div>
  );
}
