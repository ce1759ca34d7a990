// What the pages ask for, each under one key, so that events can find and refresh it.
import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { get, whoAmI, type Query } from './client';
import type {
  Attempt,
  Changes,
  Config,
  Dispatch,
  Explanation,
  Job,
  JobList,
  Me,
  Monitor,
  Stats,
  Token,
  Types,
} from './types';

export const useMe = () =>
  useQuery<Me>({ queryKey: ['me'], queryFn: whoAmI, retry: false, staleTime: Infinity });

export const useStats = () =>
  useQuery<Stats>({
    queryKey: ['stats'],
    queryFn: ({ signal }) => get('/stats', {}, signal),
    refetchInterval: 15_000,
  });

export const useMonitor = () =>
  useQuery<Monitor>({
    queryKey: ['monitor'],
    queryFn: ({ signal }) => get('/monitor', {}, signal),
    refetchInterval: 15_000,
  });

export const useDispatch = () =>
  useQuery<Dispatch>({
    queryKey: ['dispatch'],
    queryFn: ({ signal }) => get('/dispatch', {}, signal),
    refetchInterval: 30_000,
  });

export const useTypes = () =>
  useQuery<Types>({
    queryKey: ['types'],
    queryFn: ({ signal }) => get('/types', {}, signal),
    staleTime: 60_000,
  });

export const useConfig = () =>
  useQuery<Config>({ queryKey: ['config'], queryFn: ({ signal }) => get('/config', {}, signal) });

export const useTokens = (enabled: boolean) =>
  useQuery<{ tokens: Token[] }>({
    queryKey: ['tokens'],
    queryFn: ({ signal }) => get('/tokens', {}, signal),
    enabled,
  });

export const useJobs = (query: Query) =>
  useQuery<JobList>({
    queryKey: ['jobs', query],
    queryFn: ({ signal }) => get('/jobs', query, signal),
    placeholderData: keepPreviousData,
  });

export const useJob = (id: string) =>
  useQuery<Job>({
    queryKey: ['job', id],
    queryFn: ({ signal }) => get(`/jobs/${id}`, {}, signal),
  });

export const useAttempts = (id: string) =>
  useQuery<{ attempts: Attempt[] }>({
    queryKey: ['job', id, 'attempts'],
    queryFn: ({ signal }) => get(`/jobs/${id}/attempts`, {}, signal),
  });

export const useExplanation = (id: string) =>
  useQuery<Explanation>({
    queryKey: ['job', id, 'explain'],
    queryFn: ({ signal }) => get(`/jobs/${id}/explain`, {}, signal),
    refetchInterval: 10_000,
  });

export const useChanges = (id: string, page: number) =>
  useQuery<Changes>({
    queryKey: ['job', id, 'changes', page],
    queryFn: ({ signal }) => get(`/jobs/${id}/changes`, { page, page_size: 20 }, signal),
    placeholderData: keepPreviousData,
  });

// The newest finished jobs, for the charts: the API keeps no history of its own.
export const FINISHED_PAGES = 5;

export const useFinished = () =>
  useQuery<Job[]>({
    queryKey: ['finished'],
    queryFn: async ({ signal }) => {
      const jobs: Job[] = [];
      let cursor: string | undefined;
      for (let page = 0; page < FINISHED_PAGES; page++) {
        const list = await get<JobList>(
          '/jobs',
          { status: 'completed,failed,cancelled', sort: '-completed_at', page_size: 100, cursor },
          signal,
        );
        jobs.push(...list.jobs);
        if (!list.next_cursor) break;
        cursor = list.next_cursor;
      }
      return jobs;
    },
    refetchInterval: 30_000,
  });
