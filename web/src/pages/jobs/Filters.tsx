import { useEffect, useRef, useState } from 'react';
import { useTypes } from '../../api/queries';
import { STATUSES, type Status } from '../../api/types';
import { Button, StatusMark } from '../../ui/basics';
import { Icon } from '../../ui/Icon';
import { COLUMNS } from './columns';
import { go, SORTS, type ListWords } from './listWords';

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

export function Filters({ words, onSearch }: Props) {
  const { data: types } = useTypes();
  const known = types?.types.map((type) => type.entity_type) ?? [];
  const options = words.entity_type && !known.includes(words.entity_type) ? [words.entity_type, ...known] : known;
  const filtered =
    words.q || words.entity_type || words.job_type || words.parent_job_id || words.status.length > 0;
  return (
    <div className="filters">
      <Search words={words} onReady={onSearch} />
      <StatusChips words={words} />
      <label className="inline">
        <span>Type</span>
        <select value={words.entity_type} onChange={(event) => go(words, { entity_type: event.target.value })}>
          <option value="">all</option>
          {options.map((type) => (
            <option key={type}>{type}</option>
          ))}
        </select>
      </label>
      <label className="inline">
        <span>Sort</span>
        <select value={words.sort} onChange={(event) => go(words, { sort: event.target.value })}>
          {Object.entries(SORTS).flatMap(([sort, name]) => [
            <option key={`-${sort}`} value={`-${sort}`}>
              {name}, {sort === 'priority' ? 'highest' : 'newest'} first
            </option>,
            <option key={sort} value={sort}>
              {name}, {sort === 'priority' ? 'lowest' : 'oldest'} first
            </option>,
          ])}
        </select>
      </label>
      {words.parent_job_id && <span className="tag">children of {words.parent_job_id}</span>}
      {words.job_type && <span className="tag">{words.job_type}</span>}
      {filtered && (
        <Button
          look="quiet"
          icon="close"
          onClick={() => go(words, { status: [], entity_type: '', job_type: '', q: '', parent_job_id: '' })}
        >
          Clear
        </Button>
      )}
    </div>
  );
}
