import { lazy, Suspense, useMemo, useState } from 'react';
import { FINISHED_PAGES, useFinished } from '../../api/queries';
import { useNow } from '../../clock';
import { Ago, Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { plural } from '../../words';
import { historyOf, RANGES } from './history';

const Charts = lazy(() => import('./Charts'));
const MOST = FINISHED_PAGES * 100;
const REDRAW_MS = 15_000;

export function HistoryPanel() {
  const finished = useFinished();
  const [chosen, setChosen] = useState(0);
  const range = RANGES[chosen] ?? RANGES[0]!;
  const tick = Math.floor(useNow() / REDRAW_MS);
  const history = useMemo(
    () => historyOf(finished.data ?? [], range, tick * REDRAW_MS),
    [finished.data, range, tick],
  );
  const oldest = finished.data?.at(-1)?.completed_at;
  const capped = (finished.data?.length ?? 0) >= MOST;

  return (
    <Panel
      title="Finished jobs"
      aside={
        <div className="segments" role="group" aria-label="Range">
          {RANGES.map((each, index) => (
            <Button
              key={each.name}
              look="quiet"
              aria-pressed={index === chosen}
              onClick={() => setChosen(index)}
            >
              {each.name}
            </Button>
          ))}
        </div>
      }
    >
      {finished.error && <Trouble error={finished.error} again={() => void finished.refetch()} />}
      {finished.isPending && <Waiting rows={5} />}
      {finished.data && history.inRange === 0 && (
        <Empty title={`No job finished in the last ${range.name}`}>Charts appear with the first one.</Empty>
      )}
      {finished.data && history.inRange > 0 && (
        <Suspense fallback={<Waiting rows={5} />}>
          <Charts history={history} range={range} />
        </Suspense>
      )}
      {finished.data && history.inRange > 0 && (
        <p className="footnote muted">
          {plural(history.inRange, 'job')} in this range
          {capped && oldest && (
            <>
              , out of the newest {MOST} finished; older than <Ago time={oldest} /> is not counted
            </>
          )}
          . Run time is that of the last attempt.
        </p>
      )}
    </Panel>
  );
}
