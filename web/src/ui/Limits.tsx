// What each limit leaves a running job: deadline, heartbeat, stall. The server tells it every two seconds, by
// its steady clock; in between the page counts down.
import { useRunning, useTypes } from '../api/queries';
import type { Job, LimitLeft, LiveAttempt, Types } from '../api/types';
import { useNow } from '../clock';
import { duration } from '../words';

const SOON = 0.25;

export interface Left {
  name: string;
  title: string;
  of: number; // ms
  left: number; // ms; Infinity while the clock rests
}

const TITLES = {
  Deadline: 'The longest an attempt may take',
  Heartbeat: 'The longest it may be silent',
  Stall: 'The longest it may go on without progress',
};

function entry(name: keyof typeof TITLES, of: number, left: number): Left {
  return { name, title: `${TITLES[name]}: ${duration(of)}`, of, left: Math.max(0, left) };
}

const STRANGER = ' It has never spoken forager’s protocol:';
const RESTS = `${STRANGER} this clock rests until it does, or until heartbeat_timeout is set.`;
const LOOKED_AT = `${STRANGER} new output and bytes moved by its processes are progress.`;

function measured(live: LiveAttempt, since: number): Left[] {
  const one = (name: keyof typeof TITLES, { limit_seconds, left_seconds }: LimitLeft) =>
    entry(name, limit_seconds * 1_000, left_seconds === null ? Infinity : left_seconds * 1_000 - since);
  const limits = [one('Deadline', live.deadline), one('Heartbeat', live.heartbeat), one('Stall', live.stall)];
  if (live.speaks) return limits;
  return limits.map((limit) => {
    if (limit.left === Infinity) return { ...limit, title: `${limit.title}.${RESTS}` };
    return limit.name === 'Stall' ? { ...limit, title: `${limit.title}.${LOOKED_AT}` } : limit;
  });
}

// Of an attempt on another node only what its row says.
function reckoned(job: Job, types: Types | undefined, now: number): Left[] {
  if (!types || !job.started_at) return [];
  const limits = types.types.find((type) => type.entity_type === job.entity_type) ?? types.defaults;
  const timeout = (job.timeout_minutes ?? limits.timeout_minutes) * 60_000;
  const stall = limits.stall_timeout_seconds * 1_000;
  const started = Date.parse(job.started_at);
  const moved = Math.max(started, Date.parse(job.progress.updated_at ?? job.started_at));
  const deadline = entry('Deadline', timeout, started + timeout - now);
  // Its row does not tell what a command does that has never told of progress.
  const silent = 'collector' in limits && limits.collector === 'command' && !job.progress.updated_at;
  return silent ? [deadline] : [deadline, entry('Stall', stall, moved + stall - now)];
}

export function useLimits(job: Job): { limits: Left[]; stopping: boolean; signs?: string } {
  const { data: types } = useTypes();
  const { data: running } = useRunning();
  const now = useNow();
  const live = running?.attempts.find((each) => each.job_id === job.job_id && each.attempt === job.attempt);
  if (!running || !live) return { limits: reckoned(job, types, now), stopping: false };
  return {
    limits: measured(live, Math.max(0, now - running.seen)),
    stopping: live.stopping,
    signs: live.signs_of_life,
  };
}

export function nearest(limits: Left[]): Left | undefined {
  return limits.reduce<Left | undefined>((near, each) => (near && near.left <= each.left ? near : each), undefined);
}

export const isSoon = (limit: Left): boolean => limit.left < limit.of * SOON;

function leftWords({ left }: Left): string {
  if (left === Infinity) return 'rests';
  return left > 0 ? `${duration(left)} left` : 'reached';
}

export function LimitMeters({ job }: { job: Job }) {
  const { limits, stopping } = useLimits(job);
  if (stopping) return <span className="limits warn-text">Being stopped</span>;
  return (
    <span className="limits">
      {limits.map((limit) => (
        <span key={limit.name} className={isSoon(limit) ? 'limit soon' : 'limit'} title={limit.title}>
          <span className="limit-name">{limit.name}</span>
          <span className="limit-left">{leftWords(limit)}</span>
          <span
            className="limit-bar"
            role="meter"
            aria-label={`${limit.name} of ${job.job_id}, left`}
            aria-valuemin={0}
            aria-valuemax={Math.round(limit.of / 1_000)}
            aria-valuenow={Math.round(Math.min(limit.left, limit.of) / 1_000)}
          >
            <span style={{ width: `${Math.min(100, (limit.left / limit.of) * 100)}%` }} />
          </span>
        </span>
      ))}
    </span>
  );
}
