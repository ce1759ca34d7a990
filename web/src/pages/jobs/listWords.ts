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
  sort: string;
  page: number;
  page_size: number;
}

export const PAGE_SIZES = [20, 50, 100];
export const SORTS: Record<string, string> = {
  created_at: 'Created',
  started_at: 'Started',
  completed_at: 'Finished',
  updated_at: 'Updated',
  priority: 'Priority',
};
const DEFAULT_SORT = '-created_at';
const DEFAULT_SIZE = 50;
const DEEPEST = 10_000;

const isStatus = (word: string): word is Status => STATUSES.some((status) => status === word);

export function readWords(words: URLSearchParams): ListWords {
  const size = Number(words.get('page_size'));
  const page_size = PAGE_SIZES.includes(size) ? size : DEFAULT_SIZE;
  const page = Math.floor(Number(words.get('page')));
  const sort = words.get('sort') ?? '';
  return {
    status: (words.get('status') ?? '').split(',').filter(isStatus),
    entity_type: words.get('entity_type') ?? '',
    job_type: words.get('job_type') ?? '',
    q: words.get('q') ?? '',
    parent_job_id: words.get('parent_job_id') ?? '',
    sort: sort.replace(/^-/, '') in SORTS ? sort : DEFAULT_SORT,
    page: Math.min(Math.max(1, page || 1), DEEPEST / page_size),
    page_size,
  };
}

export function asQuery(words: ListWords): Query {
  return { ...words, status: words.status.join(',') };
}

export function address(words: ListWords): string {
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries(asQuery(words))) {
    const usual =
      value === '' ||
      (name === 'sort' && value === DEFAULT_SORT) ||
      (name === 'page' && value === 1) ||
      (name === 'page_size' && value === DEFAULT_SIZE);
    if (!usual) query.set(name, String(value));
  }
  const text = query.toString().replaceAll('%2C', ',');
  return `/jobs${text ? `?${text}` : ''}`;
}

// Every change but turning a page begins at the first one.
export function go(words: ListWords, change: Partial<ListWords>, replace = false): void {
  navigate(address({ ...words, page: 1, ...change }), replace);
}

// The same filter for bulk requests, which want at least one member.
export function asFilter(words: ListWords): JobFilter {
  const filter: JobFilter = { status: words.status.length > 0 ? words.status : [...STATUSES] };
  for (const name of ['entity_type', 'job_type', 'q', 'parent_job_id'] as const) {
    if (words[name]) filter[name] = words[name];
  }
  return filter;
}
