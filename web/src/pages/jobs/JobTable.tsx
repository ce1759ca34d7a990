import type { Job } from '../../api/types';
import { Icon } from '../../ui/Icon';
import type { Column } from './columns';
import { go, type ListWords } from './listWords';
import type { useSelection } from './useSelection';

interface Props {
  jobs: Job[];
  columns: Column[];
  words: ListWords;
  selection: ReturnType<typeof useSelection>;
  at: number;
  stale: boolean;
}

function Head({ column, words }: { column: Column; words: ListWords }) {
  const sort = column.sort;
  if (!sort) {
    return (
      <th scope="col" className={column.right ? 'right' : ''}>
        {column.head}
      </th>
    );
  }
  const up = words.sort === sort;
  const down = words.sort === `-${sort}`;
  return (
    <th
      scope="col"
      className={column.right ? 'right' : ''}
      aria-sort={up ? 'ascending' : down ? 'descending' : undefined}
    >
      <button type="button" className="sorter" onClick={() => go(words, { sort: down ? sort : `-${sort}` })}>
        {column.head}
        {(up || down) && <Icon name={up ? 'up' : 'down'} />}
      </button>
    </th>
  );
}

export function JobTable({ jobs, columns, words, selection, at, stale }: Props) {
  return (
    <div className={stale ? 'scroll stale' : 'scroll'} tabIndex={0} role="region" aria-label="Jobs table">
      <table className="jobs">
        <thead>
          <tr>
            <th scope="col" className="pick">
              <input
                type="checkbox"
                aria-label="Select the jobs of this page"
                checked={selection.shownChosen}
                onChange={selection.toggleShown}
              />
            </th>
            {columns.map((column) => (
              <Head key={column.key} column={column} words={words} />
            ))}
          </tr>
        </thead>
        <tbody>
          {jobs.map((job, index) => (
            <tr
              key={job.job_id}
              className={`${selection.has(job.job_id) ? 'chosen' : ''} ${index === at ? 'at' : ''}`}
            >
              <td className="pick">
                <input
                  type="checkbox"
                  aria-label={`Select ${job.job_id}`}
                  checked={selection.has(job.job_id)}
                  onChange={() => {}}
                  onClick={(event) => selection.toggle(job.job_id, event.shiftKey)}
                />
              </td>
              {columns.map((column) => (
                <td key={column.key} data-column={column.key} className={column.right ? 'right' : ''}>
                  {column.cell(job)}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
