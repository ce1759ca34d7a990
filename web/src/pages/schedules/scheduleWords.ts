// What the rules of a schedule mean, in words.
import type { DueTime, Schedule, ScheduleRun } from '../../api/types';

export const OVERLAP_WORDS: Record<Schedule['overlap'], string> = {
  skip: 'Skip the run',
  queue: 'Make its job all the same; it waits its turn',
  cancel_old: 'Cancel the old job, then make the new one',
};

export const MISSED_WORDS: Record<Schedule['missed'], string> = {
  once: 'Run once, for the newest of them',
  none: 'Let them go',
  all: 'Run all of them, up to a number',
};

export const KIND_WORDS: Record<ScheduleRun['kind'], string> = {
  due: 'on time',
  catch_up: 'made good',
  manual: 'asked for',
};

// "2026-11-24T02:30:00+01:00" is already what the schedule's own clock shows.
export function ownTime(due: DueTime): string {
  const [date, time] = due.local.split('T');
  const day = new Date(`${date}T12:00:00Z`).toLocaleDateString(undefined, {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
    year: 'numeric',
    timeZone: 'UTC',
  });
  return `${day}, ${time?.slice(0, 5) ?? ''}`;
}

const HERE_TIME = new Intl.DateTimeFormat(undefined, {
  weekday: 'short',
  hour: '2-digit',
  minute: '2-digit',
  hour12: false,
});

export const timeHere = (due: DueTime): string => HERE_TIME.format(new Date(due.at));

export const HERE = Intl.DateTimeFormat().resolvedOptions().timeZone;

export function zones(): string[] {
  return ['UTC', ...Intl.supportedValuesOf('timeZone')];
}
