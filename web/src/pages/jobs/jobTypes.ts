// What the forms know of job types, and of the numbers that the self-test takes with each.
export const USUAL_JOB_TYPES = ['discovery', 'update', 'inventory'];

export const SELF_TESTS = [
  ...['ok', 'fail', 'transient', 'throw', 'abort', 'segfault', 'exit', 'busy_loop', 'sleep', 'stall'],
  ...['ignore_term', 'tree', 'memory', 'flood', 'records'],
];

export interface Knob {
  name: string;
  words: string;
}

const MS: Knob = { name: 'ms', words: 'Works for, ms' };
const KNOBS: Record<string, Knob[]> = {
  ok: [MS],
  transient: [{ name: 'times', words: 'Fails how many times' }],
  records: [{ name: 'records', words: 'Changes to propose' }, MS],
  flood: [{ name: 'mb', words: 'MB of output' }],
};

export const knobsOf = (entityType: string, jobType: string): Knob[] =>
  entityType === 'selftest' ? (KNOBS[jobType] ?? []) : [];
