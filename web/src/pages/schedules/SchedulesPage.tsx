import { useState } from 'react';
import { useSchedules } from '../../api/queries';
import type { Schedule } from '../../api/types';
import { navigate } from '../../route';
import { Ago, Button, Empty, Link, Panel, Trouble, Waiting } from '../../ui/basics';
import { Table } from '../../ui/Table';
import { useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { asText } from '../../api/client';
import { plural } from '../../words';
import { ScheduleDialog } from './ScheduleDialog';
import { useScheduleActions } from './useScheduleActions';

function Row({ schedule, at }: { schedule: Schedule; at: boolean }) {
  const operator = useMay('operator');
  const { run, flip } = useScheduleActions();
  return (
    <tr className={at ? 'at' : ''}>
      <th scope="row" data-column="name">
        <Link to={`/schedules/${encodeURIComponent(schedule.name)}`}>{schedule.name}</Link>
        {schedule.paused && <span className="tag warn">paused</span>}
        {schedule.waiting && (
          <span className="tag warn" title={schedule.waiting}>
            waits for room
          </span>
        )}
      </th>
      <td data-label="When" className="wrap">
        {schedule.words} <span className="muted">{schedule.time_zone}</span>
      </td>
      <td data-label="Job">
        {asText(schedule.job.entity_type ?? null)} <span className="muted">{asText(schedule.job.job_type ?? null)}</span>
      </td>
      <td data-label="Next run">
        {schedule.next_run_at ? (
          <Ago time={schedule.next_run_at} />
        ) : (
          <span className="muted">{schedule.paused ? 'paused' : 'none'}</span>
        )}
      </td>
      <td data-label="Last run">
        {schedule.last_result ? (
          <>
            {schedule.last_job_id && schedule.last_result === 'submitted' ? (
              <Link to={`/jobs/${schedule.last_job_id}`}>submitted</Link>
            ) : (
              schedule.last_result
            )}{' '}
            {schedule.last_due_at && (
              <span className="muted">
                <Ago time={schedule.last_due_at} />
              </span>
            )}
          </>
        ) : (
          <span className="muted">never</span>
        )}
      </td>
      <td data-label="Working" className="right">
        {schedule.active_jobs > 0 ? plural(schedule.active_jobs, 'job') : <span className="muted">–</span>}
      </td>
      <td className="right row-actions">
        {operator && (
          <>
            <Button look="quiet" icon="play" aria-label={`Run ${schedule.name} now`} title="Run now" onClick={() => run(schedule)} />
            <Button
              look="quiet"
              icon={schedule.paused ? 'resume' : 'pause'}
              aria-label={`${schedule.paused ? 'Resume' : 'Pause'} ${schedule.name}`}
              title={schedule.paused ? 'Resume' : 'Pause'}
              onClick={() => flip(schedule)}
            />
          </>
        )}
      </td>
    </tr>
  );
}

export function SchedulesPage() {
  const list = useSchedules();
  const operator = useMay('operator');
  const { run, flip } = useScheduleActions();
  const [making, setMaking] = useState(false);
  const [at, setAt] = useState(-1);
  const schedules = list.data?.schedules ?? [];
  const current = schedules[at];
  useKeys({
    s: operator && (() => setMaking(true)),
    j: () => setAt(Math.min(schedules.length - 1, at + 1)),
    k: () => setAt(Math.max(0, at - 1)),
    Enter: current && (() => navigate(`/schedules/${encodeURIComponent(current.name)}`)),
    r: operator && current && (() => run(current)),
    p: operator && current && (() => flip(current)),
  });
  return (
    <>
      <div className="page-head">
        <h1>Schedules</h1>
        {operator && (
          <div className="actions">
            <Button icon="plus" look="primary" hotkey="s" onClick={() => setMaking(true)}>
              New schedule
            </Button>
          </div>
        )}
      </div>
      {list.error && <Trouble error={list.error} again={() => void list.refetch()} />}
      {list.isPending && <Waiting rows={6} />}
      {list.data && schedules.length === 0 && (
        <Empty title="Nothing is scheduled">
          A schedule makes a job at each of its times, by a cron expression in a time zone, or once.
        </Empty>
      )}
      {schedules.length > 0 && (
        <Panel title={plural(list.data?.total ?? 0, 'schedule')}>
          <Table name="Schedules" className="schedules stacked">
            <thead>
              <tr>
                <th scope="col">Name</th>
                <th scope="col">When</th>
                <th scope="col">Job</th>
                <th scope="col">Next run</th>
                <th scope="col">Last run</th>
                <th scope="col" className="right">
                  Working
                </th>
                <th scope="col" className="right">
                  <span className="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {schedules.map((schedule, index) => (
                <Row key={schedule.id} schedule={schedule} at={index === at} />
              ))}
            </tbody>
          </Table>
        </Panel>
      )}
      {making && <ScheduleDialog onClose={() => setMaking(false)} />}
    </>
  );
}
