// A list of any length, of which only the pages in sight are asked for: by number as far as the API counts,
// and beyond that by the cursor that ends the page before.
import { useQueries, useQueryClient } from '@tanstack/react-query';
import { useCallback, useEffect, useMemo, useRef, useState } from 'react';
import { get, type Query } from '../../api/client';
import type { Job, JobList } from '../../api/types';
import { DEEPEST, PAGE } from './listWords';

const AHEAD = 10; // pages kept ready below what is in sight, where each needs the one before
const KEEP_MS = 60_000;

export interface JobPages {
  count: number; // rows known to be there
  total: number;
  capped: boolean; // there are more than `total`
  job: (index: number) => Job | undefined;
  loading: boolean; // nothing is there yet
  error: Error | null;
  refresh: () => void;
  // The ids of the rows between two, those not in sight too.
  idsBetween: (from: number, to: number) => Promise<string[]>;
}

interface Chain {
  key: string;
  cursors: string[]; // of page DEEPEST, DEEPEST + 1 ...
  end: number | null; // rows in all, once the last page is known
}

function pageOf(query: Query, chain: Chain, index: number) {
  const place = index < DEEPEST ? { page: index + 1 } : { cursor: chain.cursors[index - DEEPEST] };
  const whole = { ...query, ...place };
  return {
    queryKey: ['jobpages', whole],
    queryFn: ({ signal }: { signal?: AbortSignal }) => get<JobList>('/jobs', whole, signal),
    gcTime: KEEP_MS,
  };
}

export function useJobPages(query: Query, first: number, last: number): JobPages {
  const client = useQueryClient();
  const key = JSON.stringify(query);
  const fresh = useMemo<Chain>(() => ({ key, cursors: [], end: null }), [key]);
  const [kept, setChain] = useState<Chain>(fresh);
  const chain = kept.key === key ? kept : fresh;
  const growing = useRef(false);
  const head = useRef<{ key: string; total: number; capped: boolean }>(undefined);

  const from = Math.max(0, Math.floor(first / PAGE));
  const reachable = DEEPEST + chain.cursors.length;
  const to = Math.min(reachable - 1, Math.floor(last / PAGE));
  const wanted = Array.from({ length: Math.max(1, to - from + 1) }, (_, index) => from + index);
  const pages = useQueries({ queries: wanted.map((index) => pageOf(query, chain, index)) });

  // The newest answer by number says how many there are.
  const told = pages.find((page) => page.data && page.data.page !== null)?.data;
  if (told) head.current = { key, total: told.total, capped: told.total_capped ?? false };
  const known = head.current?.key === key ? head.current : undefined;
  const total = known?.total ?? 0;
  const capped = known?.capped ?? false;
  const count = chain.end ?? (capped ? reachable * PAGE : total);

  useEffect(() => {
    const enough = !capped || chain.end !== null || to + AHEAD < reachable;
    if (enough || growing.current) return;
    growing.current = true;
    let longer = chain;
    const grow = async () => {
      for (let each = 0; each < AHEAD && longer.end === null; each++) {
        const last = DEEPEST + longer.cursors.length - 1;
        const page = await pageOf(query, longer, last).queryFn({});
        longer = page.next_cursor
          ? { ...longer, cursors: [...longer.cursors, page.next_cursor] }
          : { ...longer, end: last * PAGE + page.jobs.length };
      }
    };
    grow()
      .catch(() => {}) // the page itself tells of it when it comes into sight
      .finally(() => {
        growing.current = false;
        if (longer !== chain) setChain(longer);
      });
  }, [client, capped, chain, query, reachable, to]);

  const refresh = useCallback(() => {
    setChain({ key, cursors: [], end: null });
    void client.invalidateQueries({ queryKey: ['jobpages'] });
  }, [client, key]);

  async function idsBetween(start: number, end: number): Promise<string[]> {
    const ids: string[] = [];
    for (let index = Math.floor(start / PAGE); index <= Math.floor(end / PAGE) && index < reachable; index++) {
      const page = await client.fetchQuery({ ...pageOf(query, chain, index), staleTime: KEEP_MS });
      page.jobs.forEach((job, row) => {
        const at = index * PAGE + row;
        if (at >= start && at <= end) ids.push(job.job_id);
      });
    }
    return ids;
  }

  return {
    count,
    total,
    capped,
    job: (index) => pages[Math.floor(index / PAGE) - from]?.data?.jobs[index % PAGE],
    loading: known === undefined && pages.every((page) => page.isPending),
    error: pages.find((page) => page.error)?.error ?? null,
    refresh,
    idsBetween,
  };
}
