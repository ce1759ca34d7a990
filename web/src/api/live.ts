// Keeps what is on the screen true: events change what is known of a job at once, and lists a little later.
import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState, useSyncExternalStore } from 'react';
import { listen, type StreamState } from './events';
import type { Job, JobList, Stats } from './types';

const LISTS_EVERY_MS = 1_000;

type JobEvent = Job | { job_id: string; deleted: true };

// How often the set of jobs may have changed. A long list reads it to choose its own moment.
let changes = 0;
const watchers = new Set<() => void>();

export function useListChanges(): number {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher);
      return () => watchers.delete(watcher);
    },
    () => changes,
  );
}

function putInto(list: JobList | undefined, job: Job): JobList | undefined {
  const at = list?.jobs.findIndex((known) => known.job_id === job.job_id) ?? -1;
  if (!list || at < 0) return list;
  return { ...list, jobs: list.jobs.map((known, index) => (index === at ? job : known)) };
}

// True when it may have come into a list or left one.
function putJob(client: QueryClient, job: JobEvent): boolean {
  if ('deleted' in job) return true;
  const before = client.getQueryData<Job>(['job', job.job_id]);
  if (before) client.setQueryData(['job', job.job_id], job);
  let known = before;
  for (const key of ['jobs', 'jobpages']) {
    client.setQueriesData<JobList>({ queryKey: [key] }, (list) => {
      known ??= list?.jobs.find((each) => each.job_id === job.job_id);
      return putInto(list, job);
    });
  }
  return known?.status !== job.status;
}

export function useLive(): StreamState {
  const client = useQueryClient();
  const [state, setState] = useState<StreamState>('connecting');

  useEffect(() => {
    let stale = new Set<string>();
    let timer = 0;

    function refresh() {
      timer = 0;
      const keys = stale;
      stale = new Set();
      if (keys.has('lists')) {
        for (const key of ['jobs', 'finished', 'running']) void client.invalidateQueries({ queryKey: [key] });
        void client.invalidateQueries({ queryKey: ['jobpages'], refetchType: 'none' });
        changes++;
        watchers.forEach((watch) => watch());
      }
      if (keys.has('stats')) void client.invalidateQueries({ queryKey: ['stats'] });
      for (const key of keys) {
        if (key.startsWith('JOB-')) void client.invalidateQueries({ queryKey: ['job', key] });
      }
    }

    function later(key: string) {
      stale.add(key);
      if (!timer) timer = window.setTimeout(refresh, LISTS_EVERY_MS);
    }

    function onEvent(type: string, data: string) {
      if (type === 'job') {
        const job = JSON.parse(data) as JobEvent;
        if (putJob(client, job)) {
          later('lists');
          later('stats');
        }
        later(job.job_id);
      } else if (type === 'stats') {
        const figures = JSON.parse(data) as Partial<Stats>;
        const known = client.getQueryData<Stats>(['stats']);
        if (known) client.setQueryData<Stats>(['stats'], { ...known, ...figures });
        const names = Object.keys(figures) as (keyof Stats)[];
        if (names.some((name) => known?.[name] !== figures[name])) later('lists');
      } else if (type === 'monitor') {
        void client.invalidateQueries({ queryKey: ['monitor'] });
      } else if (type === 'node') {
        void client.invalidateQueries({ queryKey: ['nodes'] });
      } else if (type === 'schedule') {
        for (const key of ['schedules', 'schedule']) void client.invalidateQueries({ queryKey: [key] });
      } else if (type === 'reset') {
        void client.invalidateQueries();
        later('lists');
      }
    }

    const stop = listen({ types: ['job', 'stats', 'monitor', 'node', 'schedule'], onEvent, onState: setState });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [client]);

  return state;
}
