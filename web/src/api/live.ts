// Keeps what is on the screen true: events change what is known of a job at once, and lists a little later.
import type { QueryClient } from '@tanstack/react-query';
import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { listen, type StreamState } from './events';
import type { Job, JobList, Stats } from './types';

const LISTS_EVERY_MS = 1_000;

type JobEvent = Job | { job_id: string; deleted: true };

function putJob(client: QueryClient, job: JobEvent): boolean {
  if ('deleted' in job) return true;
  const before = client.getQueryData<Job>(['job', job.job_id]);
  if (before) client.setQueryData(['job', job.job_id], job);
  let moved = !before || before.status !== job.status;
  client.setQueriesData<JobList>({ queryKey: ['jobs'] }, (list) => {
    const at = list?.jobs.findIndex((known) => known.job_id === job.job_id) ?? -1;
    if (!list || at < 0) return list;
    moved = moved || list.jobs[at]?.status !== job.status;
    return { ...list, jobs: list.jobs.map((known, index) => (index === at ? job : known)) };
  });
  return moved;
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
      if (keys.has('lists')) void client.invalidateQueries({ queryKey: ['jobs'] });
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
        client.setQueryData<Stats>(['stats'], (known) => known && { ...known, ...figures });
        later('lists');
      } else if (type === 'monitor') {
        void client.invalidateQueries({ queryKey: ['monitor'] });
      } else if (type === 'reset') {
        void client.invalidateQueries();
      }
    }

    const stop = listen({ types: ['job', 'stats', 'monitor', 'node'], onEvent, onState: setState });
    return () => {
      stop();
      window.clearTimeout(timer);
    };
  }, [client]);

  return state;
}
