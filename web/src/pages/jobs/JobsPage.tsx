import { useRef, useState } from 'react';
import { useJobs } from '../../api/queries';
import { navigate } from '../../route';
import { Button, Empty, Trouble, Waiting } from '../../ui/basics';
import { useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { count, plural } from '../../words';
import { BulkDialog, type BulkAction } from './BulkDialog';
import { useColumns } from './columns';
import { CreateDialog } from './CreateDialog';
import { ColumnChoice, Filters } from './Filters';
import { JobTable } from './JobTable';
import { asFilter, asQuery, go, PAGE_SIZES, readWords, type ListWords } from './listWords';
import { useSelection, type Chosen } from './useSelection';

interface PagerProps {
  words: ListWords;
  total: number;
  capped: boolean;
}

function Pager({ words, total, capped }: PagerProps) {
  const pages = Math.max(1, Math.ceil(total / words.page_size));
  const from = total === 0 ? 0 : (words.page - 1) * words.page_size + 1;
  const to = Math.min(total, words.page * words.page_size);
  return (
    <div className="pager">
      <span className="muted">
        {count(from)}–{count(to)} of {count(total)}
        {capped ? ' and more' : ''}
      </span>
      <label className="inline">
        <span>Per page</span>
        <select
          value={words.page_size}
          onChange={(event) => go(words, { page_size: Number(event.target.value) })}
        >
          {PAGE_SIZES.map((size) => (
            <option key={size}>{size}</option>
          ))}
        </select>
      </label>
      <Button
        icon="left"
        aria-label="Previous page"
        disabled={words.page <= 1}
        onClick={() => go(words, { page: words.page - 1 })}
      />
      <span>
        {count(words.page)} / {count(pages)}
      </span>
      <Button
        icon="right"
        aria-label="Next page"
        disabled={words.page >= pages}
        onClick={() => go(words, { page: words.page + 1 })}
      />
    </div>
  );
}

interface BulkBarProps {
  chosen: Chosen;
  whole: () => void;
  matching: string;
  onAction: (action: BulkAction) => void;
  onClear: () => void;
}

function BulkBar({ chosen, whole, matching, onAction, onClear }: BulkBarProps) {
  const operator = useMay('operator');
  const admin = useMay('admin');
  const all = 'filter' in chosen;
  const total = all ? chosen.total : chosen.ids.length;
  return (
    <div className="bulk" role="region" aria-label="Selection">
      <strong aria-live="polite">
        {all ? `All ${matching}` : plural(total, 'job')} selected
      </strong>
      {!all && (
        <Button look="quiet" onClick={whole}>
          Select all {matching}
        </Button>
      )}
      <span className="gap" />
      {operator && (
        <Button icon="retry" onClick={() => onAction('retry')}>
          Retry
        </Button>
      )}
      {operator && (
        <Button icon="ban" onClick={() => onAction('cancel')}>
          Cancel
        </Button>
      )}
      {admin && (
        <Button icon="trash" onClick={() => onAction('delete')}>
          Delete
        </Button>
      )}
      <Button look="quiet" icon="close" aria-label="Select nothing" onClick={onClear} />
    </div>
  );
}

export function JobsPage({ words: search }: { words: URLSearchParams }) {
  const words = readWords(search);
  const list = useJobs(asQuery(words));
  const { columns, keys, toggle } = useColumns();
  const jobs = list.data?.jobs ?? [];
  const total = list.data?.total ?? 0;
  const capped = list.data?.total_capped ?? false;
  const selection = useSelection(jobs.map((job) => job.job_id));
  const [at, setAt] = useState(-1);
  const [action, setAction] = useState<BulkAction | null>(null);
  const [creating, setCreating] = useState(false);
  const searchBox = useRef<HTMLInputElement | null>(null);
  const may = useMay('operator');
  const current = jobs[at];

  useKeys({
    '/': () => searchBox.current?.focus(),
    j: () => setAt(Math.min(jobs.length - 1, at + 1)),
    k: () => setAt(Math.max(0, at - 1)),
    x: current && (() => selection.toggle(current.job_id, false)),
    Enter: current && (() => navigate(`/jobs/${current.job_id}`)),
    '[': words.page > 1 && (() => go(words, { page: words.page - 1 })),
    ']': words.page * words.page_size < total && (() => go(words, { page: words.page + 1 })),
    Escape: selection.clear,
  });

  return (
    <>
      <div className="page-head">
        <h1>Jobs</h1>
        <div className="actions">
          <ColumnChoice keys={keys} toggle={toggle} />
          {may && (
            <Button icon="plus" look="primary" hotkey="n" onClick={() => setCreating(true)}>
              New job
            </Button>
          )}
        </div>
      </div>
      <Filters words={words} onSearch={(input) => (searchBox.current = input)} />
      {selection.chosen && (
        <BulkBar
          chosen={selection.chosen}
          whole={() => selection.chooseAll(asFilter(words), total, capped)}
          matching={`${count(total)}${capped ? ' and more' : ''} matching`}
          onAction={setAction}
          onClear={selection.clear}
        />
      )}
      {list.error && <Trouble error={list.error} again={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={8} />}
      {list.data && jobs.length === 0 && (
        <Empty title="No job matches">Clear the filters, or make a new job with the key n.</Empty>
      )}
      {jobs.length > 0 && (
        <>
          <JobTable
            jobs={jobs}
            columns={columns}
            words={words}
            selection={selection}
            at={at}
            stale={list.isPlaceholderData}
          />
          <Pager words={words} total={total} capped={capped} />
        </>
      )}
      {action && selection.chosen && (
        <BulkDialog
          action={action}
          chosen={selection.chosen}
          onClose={() => setAction(null)}
          onDone={selection.clear}
        />
      )}
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </>
  );
}
