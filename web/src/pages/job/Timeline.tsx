// Attempts drawn to scale, with the waits between them; a very short one stays visible and clickable.
import type { Attempt } from '../../api/types';
import { useNow } from '../../clock';
import { duration } from '../../words';
import { endOf, kindOf, outcomeOf, startOf } from './attempts';

interface Props {
  attempts: Attempt[];
  chosen: number | null;
  onChoose: (attempt: number | null) => void;
}

const MARKS = 5;

export function Timeline({ attempts, chosen, onChoose }: Props) {
  const tick = useNow();
  const started = attempts.filter((attempt) => attempt.started_at);
  const first = Math.min(...started.map(startOf));
  const now = Math.max(tick, first);
  const last = Math.max(...started.map((attempt) => endOf(attempt, now)));
  const whole = Math.max(1, last - first);
  const share = (ms: number) => `${(ms / whole) * 100}%`;
  return (
    <div className="timeline">
      <div className="track">
        {started.map((attempt) => {
          const length = Math.max(0, endOf(attempt, now) - startOf(attempt));
          return (
            <button
              key={attempt.attempt}
              type="button"
              className={`span ${kindOf(attempt)}`}
              style={{ left: `min(${share(startOf(attempt) - first)}, calc(100% - 10px))`, width: share(length) }}
              aria-pressed={chosen === attempt.attempt}
              aria-label={`Attempt ${attempt.attempt}: ${outcomeOf(attempt)}, ${duration(length)}`}
              title={`Attempt ${attempt.attempt}: ${outcomeOf(attempt)}, ${duration(length)}`}
              onClick={() => onChoose(chosen === attempt.attempt ? null : attempt.attempt)}
            >
              {attempt.attempt}
            </button>
          );
        })}
      </div>
      <div className="scale muted" aria-hidden="true">
        {Array.from({ length: MARKS }, (_, index) => (
          <span key={index}>{duration((whole * index) / (MARKS - 1))}</span>
        ))}
      </div>
    </div>
  );
}
