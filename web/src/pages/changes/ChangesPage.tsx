import { useEffect, useRef, useState } from 'react';
import { useAllChanges, useTypes } from '../../api/queries';
import { navigate } from '../../route';
import { Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { useKeys } from '../../ui/keys';
import { count } from '../../words';
import { ChangeTable } from './ChangeTable';

const NAMES = ['job_id', 'entity_type', 'change_type', 'status'] as const;
type Filter = Record<(typeof NAMES)[number], string>;

const KINDS: [string, string][] = [
  ['', 'any'],
  ['added', 'added'],
  ['modified', 'changed'],
  ['removed', 'removed'],
];
const REVIEWS = ['', 'pending', 'approved', 'rejected', 'applied'];

const readFilter = (words: URLSearchParams) =>
  Object.fromEntries(NAMES.map((name) => [name, words.get(name) ?? ''])) as Filter;

function go(filter: Filter): void {
  const query = new URLSearchParams(Object.entries(filter).filter(([, value]) => value !== ''));
  const text = query.toString();
  navigate(`/changes${text ? `?${text}` : ''}`, true);
}

// Asks for more while the end of a list of this length is near.
function useNearEnd(length: number, more: () => void) {
  const end = useRef<HTMLDivElement>(null);
  const ask = useRef(more);
  ask.current = more;
  useEffect(() => {
    if (!end.current) return;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && ask.current(), {
      rootMargin: '600px',
    });
    watch.observe(end.current);
    return () => watch.disconnect();
  }, [length]);
  return end;
}

export function ChangesPage({ words }: { words: URLSearchParams }) {
  const filter = readFilter(words);
  const list = useAllChanges(filter);
  const { data: types } = useTypes();
  const [at, setAt] = useState(-1);
  const jobBox = useRef<HTMLInputElement>(null);
  const changes = list.data?.pages.flatMap((page) => page.changes) ?? [];
  const head = list.data?.pages[0];
  const filtered = NAMES.some((name) => filter[name] !== '');
  const end = useNearEnd(changes.length, () => {
    if (list.hasNextPage && !list.isFetchingNextPage) void list.fetchNextPage();
  });
  const set = (name: keyof Filter, value: string) => go({ ...filter, [name]: value });

  function move(to: number) {
    setAt(Math.max(0, Math.min(changes.length - 1, to)));
  }
  useEffect(() => {
    if (at >= 0) document.querySelector('.changes tr.at')?.scrollIntoView({ block: 'nearest' });
  }, [at]);
  const current = changes[at];
  useKeys({
    '/': () => jobBox.current?.focus(),
    j: () => move(at + 1),
    k: () => move(at - 1),
    Enter: current && (() => navigate(`/jobs/${current.job_id}`)),
  });

  const knownTypes = types?.types.map((type) => type.entity_type) ?? [];
  const typeOptions = ['', ...new Set(filter.entity_type ? [filter.entity_type, ...knownTypes] : knownTypes)];
  const reviewOptions = [...new Set([...REVIEWS, filter.status])];

  return (
    <>
      <div className="page-head">
        <h1>Changes</h1>
        <span className="muted total" role="status">
          {head && `${count(head.total)}${head.total_capped ? '+' : ''} proposed${filtered ? ' and matching' : ''}`}
        </span>
      </div>
      <div className="filters" role="search" aria-label="Filters">
        <label className="inline">
          <span>Job</span>
          <input
            key={filter.job_id}
            ref={jobBox}
            className="mono job-box"
            defaultValue={filter.job_id}
            placeholder="JOB-…"
            spellCheck={false}
            onKeyDown={(event) => event.key === 'Enter' && set('job_id', event.currentTarget.value.trim())}
            onBlur={(event) => set('job_id', event.currentTarget.value.trim())}
          />
        </label>
        <label className="inline">
          <span>Entity type</span>
          <select value={filter.entity_type} onChange={(event) => set('entity_type', event.target.value)}>
            {typeOptions.map((type) => (
              <option key={type} value={type}>
                {type || 'all'}
              </option>
            ))}
          </select>
        </label>
        <label className="inline">
          <span>Kind</span>
          <select value={filter.change_type} onChange={(event) => set('change_type', event.target.value)}>
            {KINDS.map(([kind, name]) => (
              <option key={kind} value={kind}>
                {name}
              </option>
            ))}
          </select>
        </label>
        <label className="inline">
          <span>Review</span>
          <select value={filter.status} onChange={(event) => set('status', event.target.value)}>
            {reviewOptions.map((status) => (
              <option key={status} value={status}>
                {status || 'any'}
              </option>
            ))}
          </select>
        </label>
        {filtered && (
          <Button look="quiet" icon="close" onClick={() => navigate('/changes', true)}>
            Clear
          </Button>
        )}
      </div>
      {list.error && <Trouble error={list.error} again={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={8} />}
      {head && changes.length === 0 && !list.hasNextPage && (
        <Empty title={filtered ? 'No change matches' : 'No job has proposed a change yet'}>
          {filtered
            ? 'Clear a filter to see more.'
            : 'What jobs find that differs from what is known appears here, waiting for review.'}
        </Empty>
      )}
      {changes.length > 0 && (
        <Panel title="Proposed, newest first" className={list.isPlaceholderData ? 'stale' : ''}>
          <ChangeTable changes={changes} withJob at={at} />
        </Panel>
      )}
      <div ref={end} />
      {list.hasNextPage && (
        <Button className="center" disabled={list.isFetchingNextPage} onClick={() => void list.fetchNextPage()}>
          {list.isFetchingNextPage ? 'Loading' : changes.length === 0 ? 'Look further back' : 'Show more'}
        </Button>
      )}
    </>
  );
}
