// When a running job meets each of its limits, from what the API tells of the job and its type.
import type { EntityType, Job, Limits, Types } from '../../api/types';

export interface Limit {
  name: string;
  at: number;
  of: number; // its whole length in ms
}

export function limitsOf(job: Job, types: Types | undefined): Limit[] {
  if (!types || !job.started_at) return [];
  const own: EntityType | undefined = types.types.find((type) => type.entity_type === job.entity_type);
  const limits: Limits = own ?? types.defaults;
  const started = Date.parse(job.started_at);
  const moved = Math.max(started, Date.parse(job.progress.updated_at ?? job.started_at));
  const timeout = (job.timeout_minutes ?? limits.timeout_minutes) * 60_000;
  const stall = limits.stall_timeout_seconds * 1_000;
  return [
    { name: 'Timeout', at: started + timeout, of: timeout },
    { name: 'Stall', at: moved + stall, of: stall },
  ];
}
