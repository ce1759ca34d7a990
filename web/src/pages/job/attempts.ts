// What the time line and the list say of an attempt.
import type { Attempt } from '../../api/types';
import { outcomeName } from '../../words';

export type Kind = 'running' | 'completed' | 'cancelled' | 'failed';

export function kindOf(attempt: Attempt): Kind {
  if (attempt.outcome === null) return 'running';
  if (attempt.outcome === 'completed' || attempt.outcome === 'cancelled') return attempt.outcome;
  return 'failed';
}

export const outcomeOf = (attempt: Attempt): string =>
  attempt.outcome === null ? 'running' : outcomeName(attempt.outcome);

export const startOf = (attempt: Attempt): number => Date.parse(attempt.started_at ?? '');
export const endOf = (attempt: Attempt, now: number): number =>
  attempt.ended_at ? Date.parse(attempt.ended_at) : now;
