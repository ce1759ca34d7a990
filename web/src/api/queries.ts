// What the pages ask for, each under one key, so that events can find and refresh it.
import { keepPreviousData, useInfiniteQuery, useQuery } from '@tanstack/react-query';
import { get, whoAmI, type Query } from './client';
import type {
  Alerts,
  AllChanges,
  Attempt,
  Changes,
  Config,
  Dispatch,
  Explanation,
  History,
  Job,
  JobList,
  LiveAttempt,
  Me,
  Monitor,
  Node,
  Range,
  Schedule,
  ScheduleRun,
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

export const useRunning = (enabled = true) =>
  useQuery<{ attempts: LiveAttempt[]; seen: number }>({
    queryKey: ['running'],
    queryFn: async ({ signal }) => ({
      ...(await get<{ attempts: LiveAttempt[] }>('/running', {}, signal)),
      seen: Date.now(),
    }),
    // Short limits want a closer look.
    refetchInterval: ({ state }) => {
      const limits = state.data?.attempts.map((each) => each.heartbeat.limit_seconds * 250) ?? [];
      return Math.max(500, Math.min(2_000, ...limits));
    },
    enabled,
  });

export const useHistory = (range: Range, entity_type?: string) =>
  useQuery<History>({
    queryKey: ['history', range, entity_type],
    queryFn: ({ signal }) => get('/history', { range, entity_type }, signal),
    refetchInterval: 15_000,
    placeholderData: keepPreviousData,
  });

// The newest finished jobs tell which types fail now.
export const useFinished = () =>
  useQuery<JobList>({
    queryKey: ['finished'],
    queryFn: ({ signal }) =>
      get('/jobs', { status: 'completed,failed', sort: '-completed_at', page_size: 100 }, signal),
    refetchInterval: 15_000,
  });

export const useAllChanges = (filter: Query) =>
  useInfiniteQuery({
    queryKey: ['changes', filter],
    queryFn: ({ pageParam, signal }) =>
      get<AllChanges>('/changes', { ...filter, page_size: 50, cursor: pageParam || undefined }, signal),
    initialPageParam: '',
    getNextPageParam: (last) => last.next_cursor,
    placeholderData: keepPreviousData,
  });

export const useSchedules = () =>
  useQuery<{ schedules: Schedule[]; total: number }>({
    queryKey: ['schedules'],
    queryFn: ({ signal }) => get('/schedules', {}, signal),
    refetchInterval: 30_000,
  });

export const useSchedule = (name: string) =>
  useQuery<Schedule>({
    queryKey: ['schedule', name],
    queryFn: ({ signal }) => get(`/schedules/${encodeURIComponent(name)}`, {}, signal),
    refetchInterval: 30_000,
  });

export const useScheduleRuns = (name: string) =>
  useQuery<{ runs: ScheduleRun[] }>({
    queryKey: ['schedule', name, 'runs'],
    queryFn: ({ signal }) => get(`/schedules/${encodeURIComponent(name)}/runs`, {}, signal),
    refetchInterval: 30_000,
  });

export const useAlerts = () =>
  useQuery<Alerts>({
    queryKey: ['alerts'],
    queryFn: ({ signal }) => get('/alerts', {}, signal),
    retry: false,
    refetchInterval: (query) => (query.state.error ? false : 10_000),
    refetchOnWindowFocus: false,
  });

// Only a server that is one of several answers this.
export const useNodes = (everyMs = 60_000) =>
  useQuery<{ nodes: Node[] }>({
    queryKey: ['nodes'],
    queryFn: ({ signal }) => get('/nodes', {}, signal),
    retry: false,
    refetchInterval: (query) => (query.state.error ? false : everyMs),
    refetchOnWindowFocus: false,
  });
