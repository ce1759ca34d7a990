// What needs somebody first, worst on top; one calm line when nothing does.
import { useState, type ReactNode } from 'react';
import { post } from '../../api/client';
import { useAlerts, useDispatch, useFinished, useJobs, useMonitor, useNodes, useRunning } from '../../api/queries';
import type { Alert, Dispatch, Job, LiveAttempt, Monitor, Node, Stats } from '../../api/types';
import { Ago, Button, Link } from '../../ui/basics';
import { Icon } from '../../ui/Icon';
import { useAct, useMay } from '../../ui/actions';
import { duration, plural, roughly } from '../../words';
import { ResetDialog } from './ResetDialog';

const OLD_PENDING_S = 3_600;
const ENOUGH_JOBS = 3;
const FAILING_SHARE = 0.5;
const NEARLY = { heartbeat: 0.5, stall: 0.25, deadline: 0.1 }; // what is left of a limit
const RECENT_MS = 3_600_000;

interface Item {
  key: string;
  bad: boolean;
  text: ReactNode;
  action?: ReactNode;
}

function failingTypes(finished: Job[]): Item[] {
  const sums = new Map<string, { failed: number; all: number; why: string | null }>();
  for (const job of finished) {
    const sum = sums.get(job.entity_type) ?? { failed: 0, all: 0, why: null };
    sum.all++;
    if (job.status === 'failed') {
      sum.failed++;
      sum.why ??= job.error_message;
    }
    sums.set(job.entity_type, sum);
  }
  return [...sums]
    .filter(([, sum]) => sum.all >= ENOUGH_JOBS && sum.failed / sum.all >= FAILING_SHARE)
    .map(([type, sum]) => ({
      key: `type ${type}`,
      bad: true,
      text: (
        <>
          <strong>{type}</strong> fails: {sum.failed} of its {sum.all} newest finished jobs
          {sum.why && <span className="muted">, last: {sum.why}</span>}
        </>
      ),
      action: <Link to={`/jobs?status=failed&entity_type=${type}&sort=-completed_at`}>See them</Link>,
    }));
}

// Alive, but on the way to a limit: somebody may still look before it is stopped.
function nearLimits(attempts: LiveAttempt[]): Item[] {
  const words = (each: LiveAttempt) => ({
    heartbeat: each.speaks ? 'has said nothing for' : 'has shown no sign of life for',
    stall: each.speaks ? 'has made no progress for' : 'has shown nothing new for',
    deadline: 'has run for',
  });
  return attempts.flatMap((each) => {
    if (each.stopping) return [];
    const name = (['heartbeat', 'stall', 'deadline'] as const).find(
      (limit) => (each[limit].left_seconds ?? Infinity) < each[limit].limit_seconds * NEARLY[limit],
    );
    if (!name) return [];
    const { limit_seconds, left_seconds: left } = each[name];
    const left_seconds = left ?? limit_seconds;
    return {
      key: `near ${each.job_id}`,
      bad: false,
      text: (
        <>
          <Link to={`/jobs/${each.job_id}`} className="mono">
            {each.job_id}
          </Link>{' '}
          {words(each)[name]} {duration((limit_seconds - left_seconds) * 1_000)}: it is stopped in{' '}
          {duration(left_seconds * 1_000)}
        </>
      ),
    };
  });
}

function monitorItems(monitor: Monitor | undefined): Item[] {
  if (!monitor) return [];
  const items: Item[] = [];
  if (monitor.last_error) {
    items.push({ key: 'monitor error', bad: true, text: `The monitor's last run failed: ${monitor.last_error}` });
  }
  if (!monitor.enabled) {
    items.push({ key: 'monitor off', bad: false, text: 'The monitor is off: rows set to running by hand stay so' });
  }
  const recent = monitor.recent_resets.filter((reset) => Date.now() - Date.parse(reset.at) < RECENT_MS);
  if (recent.length > 0) {
    items.push({
      key: 'resets',
      bad: false,
      text: (
        <>
          {plural(recent.length, 'stuck job')} {recent.length === 1 ? 'was' : 'were'} reset in the last hour, last{' '}
          <Link to={`/jobs/${recent[0]!.job_id}`} className="mono">
            {recent[0]!.job_id}
          </Link>
        </>
      ),
    });
  }
  return items;
}

function alertItems(alerts: Alert[]): Item[] {
  return alerts
    .filter((alert) => alert.state === 'firing')
    .map((alert) => ({
      key: `alert ${alert.id}`,
      bad: alert.severity === 'critical',
      text: (
        <>
          {alert.summary}{' '}
          <span className="muted">
            alert since <Ago time={alert.started_at} />
          </span>
        </>
      ),
      action: <Link to="/settings">Alerts</Link>,
    }));
}

function nodeItems(nodes: Node[]): Item[] {
  return nodes
    .filter((node) => node.state === 'lost')
    .map((node) => ({
      key: `node ${node.node_id}`,
      bad: true,
      text: `The node ${node.name} is lost: its jobs go back to pending when their leases run out`,
      action: <Link to="/nodes">Nodes</Link>,
    }));
}

function Resume({ dispatch }: { dispatch: Dispatch }) {
  const act = useAct();
  const resume = async () => {
    if (dispatch.paused) {
      await act(
        () => post<Dispatch>('/dispatch/resume'),
        () => 'Dispatch is resumed',
      );
      return;
    }
    for (const entity_type of dispatch.paused_types) {
      await act(
        () => post<Dispatch>('/dispatch/resume', { entity_type }),
        () => `${entity_type} is resumed`,
      );
    }
  };
  return useMay('operator') && <Button onClick={() => void resume()}>Resume</Button>;
}

function dispatchItems(dispatch: Dispatch | undefined, stats: Stats, oldest: Job | undefined): Item[] {
  const items: Item[] = [];
  if (dispatch && (dispatch.paused || dispatch.paused_types.length > 0)) {
    items.push({
      key: 'paused',
      bad: false,
      text: dispatch.paused
        ? 'Dispatch is paused: no new job is started'
        : `Paused: ${dispatch.paused_types.join(', ')}. Their jobs wait`,
      action: <Resume dispatch={dispatch} />,
    });
  }
  const waits = stats.oldest_pending_seconds ?? 0;
  if (waits > OLD_PENDING_S) {
    items.push({
      key: 'old pending',
      bad: false,
      text: (
        <>
          The oldest pending job waits since {roughly(waits * 1_000)}
          {oldest && (
            <>
              :{' '}
              <Link to={`/jobs/${oldest.job_id}`} className="mono">
                {oldest.job_id}
              </Link>
            </>
          )}
        </>
      ),
      action: <Link to="/jobs?status=pending&sort=created_at">See them</Link>,
    });
  }
  return items;
}

export function Attention({ stats }: { stats: Stats }) {
  const { data: monitor } = useMonitor();
  const { data: dispatch } = useDispatch();
  const { data: finished } = useFinished();
  const { data: running } = useRunning();
  const { data: nodes } = useNodes(10_000);
  const { data: alerts } = useAlerts();
  const { data: pending } = useJobs({ status: 'pending', sort: 'created_at', page_size: 1 });
  const [resetting, setResetting] = useState(false);
  const operator = useMay('operator');
  const unknown: Item[] =
    stats.stuck_running === null
      ? [
          {
            key: 'stuck-unknown',
            bad: false,
            text: `It is not known whether jobs are stuck: the running jobs have not been counted${
              monitor?.last_error ? `. ${monitor.last_error}` : ' yet'
            }`,
          },
        ]
      : [];
  const stuck: Item[] =
    stats.stuck_running !== null && stats.stuck_running > 0
      ? [
          {
            key: 'stuck',
            bad: true,
            text: (
              <>
                <Link to="/jobs?status=running">{plural(stats.stuck_running, 'running job')}</Link> with nothing alive
                behind. The monitor resets {stats.stuck_running === 1 ? 'it' : 'them'} at its next run
              </>
            ),
            action: operator && <Button onClick={() => setResetting(true)}>Reset now</Button>,
          },
        ]
      : [];
  const items = [
    ...unknown,
    ...stuck,
    ...alertItems(alerts?.alerts ?? []),
    ...nodeItems(nodes?.nodes ?? []),
    ...failingTypes(finished?.jobs ?? []),
    ...monitorItems(monitor),
    ...nearLimits(running?.attempts ?? []),
    ...dispatchItems(dispatch, stats, pending?.jobs[0]),
  ];

  return (
    <section aria-label="Needs attention">
      {items.length === 0 ? (
        <p className="calm">
          <Icon name="check" /> Nothing needs you.
        </p>
      ) : (
        <ul className="attention">
          {items.map((item) => (
            <li key={item.key} className={item.bad ? 'bad' : ''}>
              <Icon name="warning" />
              <span>{item.text}</span>
              {item.action && <span className="attention-action">{item.action}</span>}
            </li>
          ))}
        </ul>
      )}
      {resetting && monitor && <ResetDialog minutes={monitor.timeout_minutes} onClose={() => setResetting(false)} />}
    </section>
  );
}
