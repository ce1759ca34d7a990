import { useEffect, useRef, useState } from 'react';
import { useStats } from '../../api/queries';
import { STATUSES, type Status } from '../../api/types';
import { navigate } from '../../route';
import { Button, Empty, Trouble, Waiting } from '../../ui/basics';
import { useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { usePhone } from '../../ui/usePhone';
import { count } from '../../words';
import { BulkBar } from './BulkBar';
import { BulkDialog, type BulkAction } from './BulkDialog';
import { useColumns } from './columns';
import { CreateDialog } from './CreateDialog';
import { ColumnChoice, Filters } from './Filters';
import { HEAD_PX, JobTable } from './JobTable';
import { address, asFilter, isFiltered, NO_FILTER, readWords, type ListWords } from './listWords';
import type { JobPages } from './useJobPages';
import { usePlace } from './usePlace';
import { useSelection } from './useSelection';

const ROW_PX = 38;
const PHONE_ROW_PX = 78;

// A list counts to ten thousand; where only the status is asked for, the figures of all jobs know more.
function useTotal(words: ListWords, pages: JobPages): { total: number; capped: boolean } {
  const { data: stats } = useStats();
  const { total, capped } = pages;
  const { status, page: _, sort: __, ...others } = words;
  if (!stats || !capped || Object.values(others).some((value) => value !== '')) return { total, capped };
  const wanted: readonly Status[] = status.length > 0 ? status : STATUSES;
  return { total: wanted.reduce<number>((sum, each) => sum + stats[`${each}_jobs`], 0), capped: false };
}

export function JobsPage({ words: search }: { words: URLSearchParams }) {
  const words = readWords(search);
  const phone = usePhone();
  const height = phone ? PHONE_ROW_PX : ROW_PX;
  const box = useRef<HTMLDivElement>(null);
  const { pages, rows, top, stale, filterKey } = usePlace(words, box, height);
  const { columns, keys, toggle } = useColumns();
  const selection = useSelection(pages.idsBetween);
  const [at, setAt] = useState(-1);
  const [action, setAction] = useState<BulkAction | null>(null);
  const [creating, setCreating] = useState(false);
  const searchBox = useRef<HTMLInputElement | null>(null);
  const may = useMay('operator');
  const { total, capped } = useTotal(words, pages);
  const matching = `${count(total)}${capped ? ' and more' : ''} matching`;
  const everything = () => selection.chooseAll(asFilter(words), total, capped);

  useEffect(() => setAt(-1), [filterKey]);

  function move(to: number) {
    const next = Math.max(0, Math.min(pages.count - 1, to));
    setAt(next);
    rows.scrollToIndex(next, { align: 'auto' });
  }
  const current = pages.job(at);
  const turn = Math.max(1, Math.floor(((box.current?.clientHeight ?? 600) - HEAD_PX) / height) - 1);
  useKeys({
    '/': () => searchBox.current?.focus(),
    j: () => move(at < 0 ? top : at + 1),
    k: () => move(at - 1),
    ArrowDown: at >= 0 && (() => move(at + 1)),
    ArrowUp: at >= 0 && (() => move(at - 1)),
    '[': () => move(Math.max(0, (at < 0 ? top : at) - turn)),
    ']': () => move((at < 0 ? top : at) + turn),
    Home: () => move(0),
    End: () => move(pages.count - 1),
    x: current && (() => void selection.toggle(at, current.job_id, false)),
    X: current && (() => void selection.toggle(at, current.job_id, true)),
    a: pages.count > 0 && !selection.chosen && everything,
    Enter: current && (() => navigate(`/jobs/${current.job_id}`)),
    '.': stale && (() => rows.scrollToOffset(0)),
  });

  return (
    <div className="fill">
      <div className="page-head">
        <h1>Jobs</h1>
        <span className="muted total" role="status">
          {pages.loading ? '' : `${count(total)}${capped ? '+' : ''}${isFiltered(words) ? ' match' : ''}`}
        </span>
        <div className="actions">
          {!phone && <ColumnChoice keys={keys} toggle={toggle} />}
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
          whole={everything}
          matching={matching}
          onAction={setAction}
          onClear={selection.clear}
        />
      )}
      {pages.error && <Trouble error={pages.error} again={pages.refresh} />}
      {pages.loading && !pages.error && <Waiting rows={12} />}
      {!pages.loading && pages.total === 0 && <NoJobs words={words} onCreate={() => setCreating(true)} />}
      {pages.count > 0 && (
        <div className="list-frame">
          {stale && (
            <Button className="news" icon="up" hotkey="." onClick={() => rows.scrollToOffset(0)}>
              The list has changed
            </Button>
          )}
          <JobTable
            box={box}
            rows={rows}
            height={height}
            pages={pages}
            columns={columns}
            words={words}
            selection={selection}
            everything={everything}
            at={at}
            onAt={setAt}
          />
        </div>
      )}
      {action && selection.chosen && (
        <BulkDialog action={action} chosen={selection.chosen} onClose={() => setAction(null)} onDone={selection.clear} />
      )}
      {creating && <CreateDialog onClose={() => setCreating(false)} />}
    </div>
  );
}

function NoJobs({ words, onCreate }: { words: ListWords; onCreate: () => void }) {
  const may = useMay('operator');
  if (isFiltered(words)) {
    return (
      <Empty title="No job matches">
        <Button onClick={() => navigate(address({ ...words, ...NO_FILTER, page: 1 }))}>Clear the filters</Button>
      </Empty>
    );
  }
  return (
    <Empty title="There are no jobs yet">
      {may ? <Button onClick={onCreate}>Make the first one</Button> : 'Somebody with the role operator makes them.'}
    </Empty>
  );
}
