// The job list's address: which words it has and what the API is asked for.
import type { JobFilter, Status } from '../../api/types';
import { STATUSES } from '../../api/types';
import type { Query } from '../../api/client';
import { navigate } from '../../route';

export interface ListWords {
  status: Status[];
  entity_type: string;
  job_type: string;
  q: string;
  parent_job_id: string;
  since: string; // a key of SINCE
  sort: string;
  page: number; // where the list is scrolled to
}

export const PAGE = 100;
export const DEEPEST = 10_000 / PAGE; // further pages are reached one after another
export const SORTS: Record<string, string> = {
  created_at: 'Created',
  started_at: 'Started',
  completed_at: 'Finished',
  updated_at: 'Updated',
  priority: 'Priority',
};
const HOUR_MS = 3_600_000;
export const SINCE: Record<string, { name: string; ms: number }> = {
  '1h': { name: 'created in the last hour', ms: HOUR_MS },
  '24h': { name: 'created in the last 24 hours', ms: 24 * HOUR_MS },
  '7d': { name: 'created in the last 7 days', ms: 7 * 24 * HOUR_MS },
  '30d': { name: 'created in the last 30 days', ms: 30 * 24 * HOUR_MS },
};
export const NO_FILTER = { status: [], entity_type: '', job_type: '', q: '', parent_job_id: '', since: '' };
const DEFAULT_SORT = '-created_at';
const TEXTS = ['entity_type', 'job_type', 'q', 'parent_job_id'] as const;

const isStatus = (word: string): word is Status => STATUSES.some((status) => status === word);

export function readWords(words: URLSearchParams): ListWords {
  const page = Math.floor(Number(words.get('page')));
  const sort = words.get('sort') ?? '';
  const since = words.get('since') ?? '';
  return {
    status: (words.get('status') ?? '').split(',').filter(isStatus),
    entity_type: words.get('entity_type') ?? '',
    job_type: words.get('job_type') ?? '',
    q: words.get('q') ?? '',
    parent_job_id: words.get('parent_job_id') ?? '',
    since: since in SINCE ? since : '',
    sort: sort.replace(/^-/, '') in SORTS ? sort : DEFAULT_SORT,
    page: Math.min(Math.max(1, page || 1), DEEPEST),
  };
}

export const isFiltered = (words: ListWords): boolean =>
  words.status.length > 0 || words.since !== '' || TEXTS.some((name) => words[name] !== '');

// To the minute, so that a list keeps its key while one looks at it.
function createdAfter(words: ListWords): string | undefined {
  const since = SINCE[words.since];
  return since && new Date(Math.floor((Date.now() - since.ms) / 60_000) * 60_000).toISOString();
}

export function asQuery(words: ListWords): Query {
  const { since: _, page: __, status, ...rest } = words;
  return { ...rest, status: status.join(','), created_after: createdAfter(words), page_size: PAGE };
}

export function address(words: ListWords): string {
  const query = new URLSearchParams();
  if (words.status.length > 0) query.set('status', words.status.join(','));
  for (const name of [...TEXTS, 'since'] as const) {
    if (words[name]) query.set(name, words[name]);
  }
  if (words.sort !== DEFAULT_SORT) query.set('sort', words.sort);
  if (words.page > 1) query.set('page', String(words.page));
  const text = query.toString().replaceAll('%2C', ',');
  return `/jobs${text ? `?${text}` : ''}`;
}

// Every change but scrolling begins at the first page.
export function go(words: ListWords, change: Partial<ListWords>, replace = false): void {
  navigate(address({ ...words, page: 1, ...change }), replace);
}

// The same filter for bulk requests, which want at least one member.
export function asFilter(words: ListWords): JobFilter {
  const filter: JobFilter = { status: words.status.length > 0 ? words.status : [...STATUSES] };
  for (const name of TEXTS) {
    if (words[name]) filter[name] = words[name];
  }
  const after = createdAfter(words);
  if (after) filter.created_after = after;
  return filter;
}
