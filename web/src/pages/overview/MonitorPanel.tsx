import { useState } from 'react';
import { useMonitor } from '../../api/queries';
import { Ago, Button, Link, Panel, Trouble, Waiting } from '../../ui/basics';
import { FactList } from '../../ui/FactList';
import { useMay } from '../../ui/actions';
import { count, duration } from '../../words';
import { ResetDialog } from './ResetDialog';

const LISTED = 5;

export function MonitorPanel() {
  const monitor = useMonitor();
  const may = useMay('operator');
  const [open, setOpen] = useState(false);
  const data = monitor.data;
  return (
    <Panel title="Stuck job monitor" aside={may && <Button onClick={() => setOpen(true)}>Reset stuck jobs</Button>}>
      {monitor.error && <Trouble error={monitor.error} again={() => void monitor.refetch()} />}
      {monitor.isPending && <Waiting />}
      {data && (
        <>
          <p className="sentence">
            {data.enabled
              ? `On: looks every ${duration(data.interval_seconds * 1_000)} for jobs that run too long or have nothing alive behind them.`
              : 'Off: rows that were set to running by hand stay so.'}
          </p>
          <FactList
            look="four"
            facts={[
              ['Last run', data.last_run ? <Ago key="last" time={data.last_run} /> : 'not yet'],
              ['Next run', <Ago key="next" time={data.enabled ? data.next_run : null} />],
              ['Reset then', count(data.reset_last_run)],
              ['Reset in all', count(data.reset_total)],
            ]}
          />
          {data.last_error && (
            <p className="wrong" role="alert">
              Its last run failed: {data.last_error}
            </p>
          )}
          {data.recent_resets.length > 0 && (
            <ul className="rows" aria-label="Jobs reset last">
              {data.recent_resets.slice(0, LISTED).map((reset) => (
                <li key={reset.job_id + reset.at}>
                  <Link to={`/jobs/${reset.job_id}`} className="mono">
                    {reset.job_id}
                  </Link>
                  <span className="muted">
                    reset <Ago time={reset.at} />
                  </span>
                </li>
              ))}
            </ul>
          )}
        </>
      )}
      {open && data && <ResetDialog minutes={data.timeout_minutes} onClose={() => setOpen(false)} />}
    </Panel>
  );
}
