// Attempts drawn to scale, with the waits between them; a very short one stays visible and clickable.
import type { Attempt } from '../../api/types';
import { useNow } from '../../clock';
import { Icon, type IconName } from '../../ui/Icon';
import { localTime } from '../../ui/basics';
import { usePhone } from '../../ui/usePhone';
import { bytes, duration, signalName } from '../../words';
import { endOf, kindOf, outcomeOf, startOf, type Kind } from './attempts';

interface Props {
  created: string;
  attempts: Attempt[];
  chosen: number | null;
  onChoose: (attempt: number | null) => void;
}

const STEPS_S = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900];
const LONG_STEPS_S = [1_800, 3_600, 7_200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800, 2_592_000];
const MOST_MARKS = 8;
const MOST_ON_PHONE = 4;
const WAIT_SHARE = 0.06; // a shorter wait has no room for words

const ICONS: Record<Kind, IconName> = { running: 'arc', completed: 'check', failed: 'cross', cancelled: 'ban' };

function stepFor(whole: number, most: number): number {
  const steps = [...STEPS_S, ...LONG_STEPS_S].map((step) => step * 1_000);
  return steps.find((step) => whole / step <= most) ?? whole;
}

function sayAll(attempt: Attempt, length: number): string {
  const end = attempt.signal !== null ? signalName(attempt.signal) : null;
  const cpu = attempt.cpu_user_ms === null ? null : attempt.cpu_user_ms + (attempt.cpu_system_ms ?? 0);
  return [
    `Attempt ${attempt.attempt}: ${outcomeOf(attempt)}`,
    duration(length),
    end,
    cpu !== null && `${duration(cpu)} of processor`,
    attempt.max_rss_kb !== null && `${bytes(attempt.max_rss_kb * 1024)} at most`,
  ]
    .filter(Boolean)
    .join(', ');
}

export function Timeline({ created, attempts, chosen, onChoose }: Props) {
  const tick = useNow();
  const phone = usePhone();
  const started = attempts.filter((attempt) => attempt.started_at);
  if (started.length === 0) return null;
  const firstStart = Math.min(...started.map(startOf));
  const now = Math.max(tick, firstStart);
  const last = Math.max(...started.map((attempt) => endOf(attempt, now)));
  const ran = Math.max(1, last - firstStart);
  // The wait before the first attempt is shown where it does not dwarf the rest.
  const asked = Date.parse(created);
  const first = firstStart - asked < ran ? Math.min(asked, firstStart) : firstStart;
  const whole = Math.max(1, last - first);
  const share = (ms: number) => `${(ms / whole) * 100}%`;
  const step = stepFor(whole, phone ? MOST_ON_PHONE : MOST_MARKS);
  const marks = Array.from({ length: Math.floor(whole / step) + 1 }, (_, index) => index * step);
  const waits = started.map((attempt, index) => {
    const from = index === 0 ? first : endOf(started[index - 1]!, now);
    return { from, to: startOf(attempt), before: attempt.attempt };
  });
  return (
    <div className="timeline">
      <div className="track">
        {marks.map((mark) => (
          <span key={mark} className="gridline" style={{ left: share(mark) }} />
        ))}
        {waits
          .filter((wait) => wait.to > wait.from)
          .map((wait) => (
            <span
              key={wait.before}
              className="wait"
              title={`Waited ${duration(wait.to - wait.from)} for attempt ${wait.before}`}
              style={{ left: share(wait.from - first), width: share(wait.to - wait.from) }}
            >
              {(wait.to - wait.from) / whole > WAIT_SHARE && `waits ${duration(wait.to - wait.from)}`}
            </span>
          ))}
        {started.map((attempt) => {
          const length = Math.max(0, endOf(attempt, now) - startOf(attempt));
          const words = sayAll(attempt, length);
          const kind = kindOf(attempt);
          return (
            <button
              key={attempt.attempt}
              type="button"
              className={`span ${kind}`}
              style={{ left: `min(${share(startOf(attempt) - first)}, calc(100% - 14px))`, width: share(length) }}
              aria-pressed={chosen === attempt.attempt}
              aria-label={words}
              title={words}
              onClick={() => onChoose(chosen === attempt.attempt ? null : attempt.attempt)}
            >
              <span className="span-words">
                <b>{attempt.attempt}</b>
                <Icon name={ICONS[kind]} />
                {outcomeOf(attempt)}
                {attempt.signal !== null && ` · ${signalName(attempt.signal)}`}
                {` · ${duration(length)}`}
              </span>
            </button>
          );
        })}
      </div>
      <div className="scale muted" aria-hidden="true">
        <span title={localTime(new Date(first).toISOString())}>
          {new Date(first).toLocaleTimeString(undefined, { hour12: false })}
        </span>
        {marks
          .filter((mark) => mark > whole * 0.2 && mark < whole * 0.93)
          .map((mark) => (
            <span key={mark} style={{ left: share(mark) }}>
              +{duration(mark)}
            </span>
          ))}
      </div>
    </div>
  );
}
