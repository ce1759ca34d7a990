// The rows in sight of a list of any length. The table keeps its native parts, with two empty rows that are
// as tall as everything above and below.
import { useVirtualizer, type Virtualizer } from '@tanstack/react-virtual';
import { memo, useCallback, useEffect, useLayoutEffect, useRef, type RefObject } from 'react';
import type { Job } from '../../api/types';
import { Icon } from '../../ui/Icon';
import type { Column } from './columns';
import { go, type ListWords } from './listWords';
import type { JobPages } from './useJobPages';
import type { Selection } from './useSelection';

export const HEAD_PX = 36;

export type Rows = Virtualizer<HTMLDivElement, Element>;

export function useRows(box: RefObject<HTMLDivElement | null>, count: number, height: number, start: number): Rows {
  const rows = useVirtualizer<HTMLDivElement, Element>({
    count,
    getScrollElement: () => box.current,
    estimateSize: () => height,
    overscan: 12,
    scrollPaddingStart: HEAD_PX,
    initialOffset: start * height,
  });
  // Rows of another height, and still the same ones in sight.
  const was = useRef(height);
  useLayoutEffect(() => {
    if (was.current === height) return;
    const top = Math.floor((rows.scrollOffset ?? 0) / was.current);
    was.current = height;
    rows.measure();
    rows.scrollToOffset(top * height);
  }, [height, rows]);
  return rows;
}

function Head({ column, words }: { column: Column; words: ListWords }) {
  const sort = column.sort;
  const up = words.sort === sort;
  const down = words.sort === `-${sort}`;
  return (
    <th
      scope="col"
      className={column.right ? 'right' : ''}
      aria-sort={sort && up ? 'ascending' : sort && down ? 'descending' : undefined}
    >
      {sort ? (
        <button type="button" className="sorter" onClick={() => go(words, { sort: down ? sort : `-${sort}` })}>
          {column.head}
          {(up || down) && <Icon name={up ? 'up' : 'down'} />}
        </button>
      ) : (
        column.head
      )}
    </th>
  );
}

interface RowProps {
  index: number;
  job: Job | undefined;
  columns: Column[];
  chosen: boolean;
  at: boolean;
  onAt: (index: number) => void;
  onPick: (index: number, id: string, range: boolean) => void;
}

// Drawn once and kept while one scrolls past it.
const Row = memo(function Row({ index, job, columns, chosen, at, onAt, onPick }: RowProps) {
  if (!job) {
    return (
      <tr className="absent" aria-rowindex={index + 2}>
        <td colSpan={columns.length + 1}>
          <span />
        </td>
      </tr>
    );
  }
  return (
    <tr
      aria-rowindex={index + 2}
      className={`${chosen ? 'chosen' : ''} ${at ? 'at' : ''}`}
      onMouseDown={(event) => event.shiftKey && event.preventDefault()}
      onClick={(event) => {
        const target = event.target as HTMLElement;
        if (target.closest('a, button, input')) return;
        onAt(index);
        if (event.shiftKey || event.metaKey || event.ctrlKey) onPick(index, job.job_id, event.shiftKey);
      }}
    >
      <td className="pick">
        <input
          type="checkbox"
          aria-label={`Select ${job.job_id}`}
          checked={chosen}
          onChange={() => {}}
          onClick={(event) => onPick(index, job.job_id, event.shiftKey)}
        />
      </td>
      {columns.map((column) => (
        <td key={column.key} data-column={column.key} className={column.right ? 'right' : ''}>
          {column.cell(job)}
        </td>
      ))}
    </tr>
  );
});

interface Props {
  box: RefObject<HTMLDivElement | null>;
  rows: Rows;
  height: number;
  pages: JobPages;
  columns: Column[];
  words: ListWords;
  selection: Selection;
  everything: () => void;
  at: number;
  onAt: (index: number) => void;
}

export function JobTable({ box, rows, height, pages, columns, words, selection, everything, at, onAt }: Props) {
  const shown = rows.getVirtualItems();
  const before = shown[0]?.start ?? 0;
  const after = rows.getTotalSize() - (shown.at(-1)?.end ?? 0);
  const toggle = useRef(selection.toggle);
  toggle.current = selection.toggle;
  const onPick = useCallback((...picked: Parameters<Selection['toggle']>) => void toggle.current(...picked), []);
  const all = selection.chosen !== null && 'filter' in selection.chosen;
  const some = useRef<HTMLInputElement>(null);

  useEffect(() => {
    if (some.current) some.current.indeterminate = selection.chosen !== null && !all;
  }, [all, selection.chosen]);

  return (
    <div className="list" ref={box} tabIndex={0} role="region" aria-label="Jobs table">
      <table className="jobs" aria-rowcount={pages.capped ? -1 : pages.total + 1} style={{ '--row': `${height}px` } as object}>
        <colgroup>
          <col className="col-pick" />
          {columns.map((column) => (
            <col key={column.key} className={`col-${column.key}`} />
          ))}
        </colgroup>
        <thead>
          <tr aria-rowindex={1}>
            <th scope="col" className="pick">
              <input
                ref={some}
                type="checkbox"
                aria-label="Select all jobs that match"
                checked={all}
                onChange={() => (selection.chosen ? selection.clear() : everything())}
              />
            </th>
            {columns.map((column) => (
              <Head key={column.key} column={column} words={words} />
            ))}
          </tr>
        </thead>
        <tbody>
          {before > 0 && (
            <tr className="space" aria-hidden="true">
              <td style={{ height: before }} />
            </tr>
          )}
          {shown.map((row) => {
            const job = pages.job(row.index);
            return (
              <Row
                key={row.index}
                index={row.index}
                job={job}
                columns={columns}
                chosen={job !== undefined && selection.has(job.job_id)}
                at={row.index === at}
                onAt={onAt}
                onPick={onPick}
              />
            );
          })}
          {after > 0 && (
            <tr className="space" aria-hidden="true">
              <td style={{ height: after }} />
            </tr>
          )}
        </tbody>
      </table>
    </div>
  );
}
