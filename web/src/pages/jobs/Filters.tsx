import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { useTypes } from '../../api/queries';
import { STATUSES, type JobList, type Status } from '../../api/types';
import { Button, StatusMark } from '../../ui/basics';
import { Icon } from '../../ui/Icon';
import { COLUMNS } from './columns';
import { SELF_TESTS, USUAL_JOB_TYPES } from './jobTypes';
import { go, isFiltered, NO_FILTER, SINCE, SORTS, type ListWords } from './listWords';

const TYPING_MS = 250;

function Search({ words, onReady }: { words: ListWords; onReady: (input: HTMLInputElement | null) => void }) {
  const [text, setText] = useState(words.q);
  const sent = useRef(words.q);

  useEffect(() => {
    if (words.q !== sent.current) setText(words.q);
    sent.current = words.q;
  }, [words.q]);

  useEffect(() => {
    if (text === sent.current) return;
    const timer = window.setTimeout(() => {
      sent.current = text;
      go(words, { q: text }, true);
    }, TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [text, words]);

  return (
    <label className="search">
      <Icon name="search" />
      <span className="hidden">Search in query, address and error</span>
      <input
        ref={onReady}
        type="search"
        placeholder="Query, address or error"
        maxLength={200}
        value={text}
        onChange={(event) => setText(event.target.value)}
      />
    </label>
  );
}

function StatusChips({ words }: { words: ListWords }) {
  function toggle(status: Status) {
    const on = words.status.includes(status);
    go(words, { status: on ? words.status.filter((each) => each !== status) : [...words.status, status] });
  }
  return (
    <div className="chips" role="group" aria-label="Status">
      {STATUSES.map((status) => (
        <button
          key={status}
          type="button"
          className="chip"
          aria-pressed={words.status.includes(status)}
          onClick={() => toggle(status)}
        >
          <StatusMark status={status} />
        </button>
      ))}
    </div>
  );
}

export function ColumnChoice({ keys, toggle }: { keys: string[]; toggle: (key: string) => void }) {
  return (
    <details className="menu">
      <summary className="button">
        <Icon name="columns" />
        Columns
      </summary>
      <div className="menu-body" role="group" aria-label="Columns">
        {COLUMNS.map((column) => (
          <label key={column.key} className="check">
            <input
              type="checkbox"
              checked={keys.includes(column.key)}
              disabled={column.key === 'job'}
              onChange={() => toggle(column.key)}
            />
            <span>{column.head}</span>
          </label>
        ))}
      </div>
    </details>
  );
}

interface Props {
  words: ListWords;
  onSearch: (input: HTMLInputElement | null) => void;
}

interface ChoiceProps {
  name: string;
  value: string;
  options: [string, string][];
  choose: (value: string) => void;
}

function Choice({ name, value, options, choose }: ChoiceProps) {
  return (
    <select aria-label={name} value={value} onChange={(event) => choose(event.target.value)}>
      {options.map(([key, words]) => (
        <option key={key} value={key}>
          {words}
        </option>
      ))}
    </select>
  );
}

// Job types have no list of their own: the usual ones, and those of the jobs that were seen.
function useJobTypes(entityType: string): string[] {
  const client = useQueryClient();
  const seen = client
    .getQueriesData<JobList>({ queryKey: ['jobpages'] })
    .flatMap(([, list]) => list?.jobs ?? [])
    .filter((job) => !entityType || job.entity_type === entityType)
    .map((job) => job.job_type);
  const usual = entityType === 'selftest' ? SELF_TESTS : USUAL_JOB_TYPES;
  return [...new Set([...usual, ...seen])].sort();
}

export function Filters({ words, onSearch }: Props) {
  const { data: types } = useTypes();
  const jobTypes = useJobTypes(words.entity_type);
  const named = (all: string, known: string[], value: string): [string, string][] => [
    ['', all],
    ...[...new Set(value ? [value, ...known] : known)].map((each): [string, string] => [each, each]),
  ];
  const entityTypes = types?.types.map((type) => type.entity_type) ?? [];
  const sorts = Object.entries(SORTS).flatMap(([sort, name]): [string, string][] => [
    [`-${sort}`, `${name}, ${sort === 'priority' ? 'highest' : 'newest'} first`],
    [sort, `${name}, ${sort === 'priority' ? 'lowest' : 'oldest'} first`],
  ]);
  const since = Object.entries(SINCE).map(([key, { name }]): [string, string] => [key, name]);
  return (
    <div className="filters" role="search" aria-label="Filters">
      <Search words={words} onReady={onSearch} />
      <StatusChips words={words} />
      <Choice
        name="Type"
        value={words.entity_type}
        options={named('all types', entityTypes, words.entity_type)}
        choose={(entity_type) => go(words, { entity_type })}
      />
      <Choice
        name="Job type"
        value={words.job_type}
        options={named('all job types', jobTypes, words.job_type)}
        choose={(job_type) => go(words, { job_type })}
      />
      <Choice
        name="Created when"
        value={words.since}
        options={[['', 'created any time'], ...since]}
        choose={(value) => go(words, { since: value })}
      />
      <span className="sort-choice">
        <Choice name="Sort" value={words.sort} options={sorts} choose={(sort) => go(words, { sort })} />
      </span>
      {words.parent_job_id && <span className="tag">children of {words.parent_job_id}</span>}
      {isFiltered(words) && (
        <Button look="quiet" icon="close" onClick={() => go(words, NO_FILTER)}>
          Clear
        </Button>
      )}
    </div>
  );
}
