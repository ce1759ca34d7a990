import { useState } from 'react';
import { useMonitor } from '../../api/queries';
import { Ago, Button, Panel, Trouble, Waiting } from '../../ui/basics';
import { useMay } from '../../ui/actions';
import { duration, plural } from '../../words';
import { ResetDialog } from './ResetDialog';

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
            {data.enabled ? `On: looks every ${duration(data.interval_seconds * 1_000)}.` : 'Off.'}
          </p>
          <dl className="facts">
            <div>
              <dt>Last run</dt>
              <dd>
                <Ago time={data.last_run} />
              </dd>
            </div>
            <div>
              <dt>Next run</dt>
              <dd>
                <Ago time={data.next_run} />
              </dd>
            </div>
            <div>
              <dt>Reset in it</dt>
              <dd>{plural(data.reset_last_run, 'job')}</dd>
            </div>
            <div>
              <dt>Reset in all</dt>
              <dd>{plural(data.reset_total, 'job')}</dd>
            </div>
          </dl>
          {data.last_error && (
            <p className="wrong" role="alert">
              {data.last_error}
            </p>
          )}
        </>
      )}
      {open && data && <ResetDialog minutes={data.timeout_minutes} onClose={() => setOpen(false)} />}
    </Panel>
  );
}
