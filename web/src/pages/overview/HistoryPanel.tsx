import { lazy, Suspense, useState } from 'react';
import { ApiError } from '../../api/client';
import { useHistory, useTypes } from '../../api/queries';
import { RANGES, type Range } from '../../api/types';
import { Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';

const Charts = lazy(() => import('./Charts'));
const NAMES: Record<Range, string> = { '1h': '1 h', '24h': '24 h', '30d': '30 d' };

export function HistoryPanel() {
  const [range, setRange] = useState<Range>('1h');
  const [type, setType] = useState('');
  const { data: types } = useTypes();
  const history = useHistory(range, type || undefined);
  const totals = history.data?.totals;
  const ended = totals ? totals.completed + totals.failed + totals.cancelled + totals.submitted : 0;

  if (history.error instanceof ApiError && history.error.status === 404) return null; // a server that keeps none
  return (
    <Panel
      title="History"
      aside={
        <>
          <select aria-label="Entity type" value={type} onChange={(event) => setType(event.target.value)}>
            <option value="">all types</option>
            {types?.types.map((each) => (
              <option key={each.entity_type}>{each.entity_type}</option>
            ))}
          </select>
          <div className="segments" role="group" aria-label="Range">
            {RANGES.map((each) => (
              <Button key={each} look="quiet" aria-pressed={each === range} onClick={() => setRange(each)}>
                {NAMES[each]}
              </Button>
            ))}
          </div>
        </>
      }
    >
      {history.error && <Trouble error={history.error} again={() => void history.refetch()} />}
      {history.isPending && <Waiting rows={6} />}
      {history.data && ended === 0 && (
        <Empty title={`Nothing happened in the last ${NAMES[range]}`}>Charts appear with the first job.</Empty>
      )}
      {history.data && ended > 0 && (
        <Suspense fallback={<Waiting rows={6} />}>
          <Charts history={history.data} range={NAMES[range]} stale={history.isPlaceholderData} />
        </Suspense>
      )}
    </Panel>
  );
}
