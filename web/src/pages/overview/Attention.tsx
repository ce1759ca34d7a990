// What needs somebody first, worst on top; one calm line when nothing does.
import type { ReactNode } from 'react';
import { useDispatch, useFinished, useMonitor } from '../../api/queries';
import type { Dispatch, Job, Monitor, Stats } from '../../api/types';
import { Link } from '../../ui/basics';
import { Icon } from '../../ui/Icon';
import { plural, roughly } from '../../words';

const OLD_PENDING_S = 3_600;
const ENOUGH_JOBS = 3;
const FAILING_SHARE = 0.5;
const LOOK_AT = 100;

interface Item {
  key: string;
  bad: boolean;
  text: ReactNode;
}

function failingTypes(finished: Job[]): Item[] {
  const sums = new Map<string, { failed: number; all: number }>();
  for (const job of finished.slice(0, LOOK_AT)) {
    if (job.status === 'cancelled') continue;
    const sum = sums.get(job.entity_type) ?? { failed: 0, all: 0 };
    sum.all++;
    if (job.status === 'failed') sum.failed++;
    sums.set(job.entity_type, sum);
  }
  return [...sums]
    .filter(([, sum]) => sum.all >= ENOUGH_JOBS && sum.failed / sum.all >= FAILING_SHARE)
    .map(([type, sum]) => ({
      key: `type ${type}`,
      bad: true,
      text: (
        <>
          <Link to={`/jobs?status=failed&entity_type=${type}`}>{type}</Link> fails: {sum.failed} of its{' '}
          {sum.all} newest finished jobs.
        </>
      ),
    }));
}

function monitorItems(monitor: Monitor | undefined): Item[] {
  if (!monitor) return [];
  const items: Item[] = [];
  if (monitor.last_error) {
    items.push({ key: 'monitor error', bad: true, text: `The monitor's last run failed: ${monitor.last_error}` });
  }
  if (!monitor.enabled) {
    items.push({ key: 'monitor off', bad: false, text: 'The monitor is off: rows set to running by hand stay so.' });
  }
  return items;
}

function dispatchItems(dispatch: Dispatch | undefined, stats: Stats): Item[] {
  const items: Item[] = [];
  if (dispatch?.paused) {
    items.push({ key: 'paused', bad: false, text: 'Dispatch is paused: no new job is started.' });
  } else if (dispatch && dispatch.paused_types.length > 0) {
    items.push({ key: 'types paused', bad: false, text: `Paused: ${dispatch.paused_types.join(', ')}.` });
  }
  const oldest = stats.oldest_pending_seconds ?? 0;
  if (oldest > OLD_PENDING_S) {
    items.push({
      key: 'old pending',
      bad: false,
      text: (
        <>
          <Link to="/jobs?status=pending&sort=created_at">The oldest pending job</Link> waits since{' '}
          {roughly(oldest * 1_000)}.
        </>
      ),
    });
  }
  return items;
}

export function Attention({ stats }: { stats: Stats }) {
  const { data: monitor } = useMonitor();
  const { data: dispatch } = useDispatch();
  const { data: finished } = useFinished();
  const stuck: Item[] =
    stats.stuck_running > 0
      ? [
          {
            key: 'stuck',
            bad: true,
            text: (
              <>
                <Link to="/jobs?status=running">{plural(stats.stuck_running, 'running job')}</Link> with nothing
                alive behind. The monitor resets them; &ldquo;Reset stuck jobs&rdquo; below does it now.
              </>
            ),
          },
        ]
      : [];
  const items = [
    ...stuck,
    ...monitorItems(monitor),
    ...failingTypes(finished ?? []),
    ...dispatchItems(dispatch, stats),
  ];

  if (items.length === 0) {
    return (
      <p className="calm">
        <Icon name="check" /> Nothing needs you.
      </p>
    );
  }
  return (
    <ul className="attention" aria-label="Needs attention">
      {items.map((item) => (
        <li key={item.key} className={item.bad ? 'bad' : ''}>
          <Icon name="warning" />
          <span>{item.text}</span>
        </li>
      ))}
    </ul>
  );
}
