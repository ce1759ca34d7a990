// Finished jobs sorted into equal slices of time, for the charts.
import type { Job } from '../../api/types';

export interface Range {
  name: string;
  ms: number;
  slices: number;
}

export const RANGES: Range[] = [
  { name: '1 h', ms: 3_600_000, slices: 30 },
  { name: '24 h', ms: 86_400_000, slices: 24 },
  { name: '30 d', ms: 30 * 86_400_000, slices: 30 },
];

export interface History {
  times: number[]; // the end of each slice, in unix seconds
  completed: number[];
  failed: number[];
  cancelled: number[];
  median: (number | null)[]; // run time in seconds
  slowest: (number | null)[];
  inRange: number;
}

function middle(values: number[]): number | null {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? null;
}

export function historyOf(jobs: Job[], range: Range, now: number): History {
  const width = range.ms / range.slices;
  const end = Math.ceil(now / width) * width;
  const start = end - range.ms;
  const empty = () => Array.from({ length: range.slices }, () => 0);
  const history: History = {
    times: Array.from({ length: range.slices }, (_, index) => (start + (index + 1) * width) / 1_000),
    completed: empty(),
    failed: empty(),
    cancelled: empty(),
    median: [],
    slowest: [],
    inRange: 0,
  };
  const runs: number[][] = Array.from({ length: range.slices }, () => []);
  for (const job of jobs) {
    if (!job.completed_at) continue;
    const ended = Date.parse(job.completed_at);
    const at = Math.floor((ended - start) / width);
    if (at < 0 || at >= range.slices) continue;
    history.inRange++;
    if (job.status === 'completed') history.completed[at]!++;
    else if (job.status === 'failed') history.failed[at]!++;
    else if (job.status === 'cancelled') history.cancelled[at]!++;
    if (job.started_at && job.status !== 'cancelled') {
      runs[at]?.push(Math.max(0, ended - Date.parse(job.started_at)) / 1_000);
    }
  }
  history.median = runs.map(middle);
  history.slowest = runs.map((values) => (values.length ? Math.max(...values) : null));
  return history;
}
