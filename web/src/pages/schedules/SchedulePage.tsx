import { useState } from 'react';
import { asText, remove } from '../../api/client';
import { useSchedule, useScheduleRuns } from '../../api/queries';
import type { Message, Schedule, ScheduleRun } from '../../api/types';
import { navigate } from '../../route';
import { Ago, At, Button, Empty, Link, Panel, Trouble, Waiting } from '../../ui/basics';
import { Confirm } from '../../ui/Confirm';
import { FactList, type Fact } from '../../ui/FactList';
import { Table } from '../../ui/Table';
import { useAct, useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { count } from '../../words';
import { RunsAhead } from './RunsAhead';
import { ScheduleDialog } from './ScheduleDialog';
import { KIND_WORDS, MISSED_WORDS, OVERLAP_WORDS } from './scheduleWords';
import { useScheduleActions } from './useScheduleActions';

function Actions({ schedule }: { schedule: Schedule }) {
  const operator = useMay('operator');
  const admin = useMay('admin');
  const act = useAct();
  const { run, flip } = useScheduleActions();
  const [open, setOpen] = useState<'none' | 'edit' | 'delete'>('none');
  const close = () => setOpen('none');
  useKeys({
    r: operator && (() => run(schedule)),
    p: operator && (() => flip(schedule)),
    e: operator && (() => setOpen('edit')),
    Delete: admin && (() => setOpen('delete')),
  });

  async function removeIt() {
    const gone = await act(
      () => remove<Message>(`/schedules/${schedule.id}`),
      (answer) => answer.message,
    );
    if (gone) navigate('/schedules');
  }

  return (
    <div className="actions" role="group" aria-label="Actions">
      {operator && (
        <>
          <Button look="primary" icon="play" hotkey="r" onClick={() => run(schedule)}>
            Run now
          </Button>
          <Button icon={schedule.paused ? 'resume' : 'pause'} hotkey="p" onClick={() => flip(schedule)}>
            {schedule.paused ? 'Resume' : 'Pause'}
          </Button>
          <Button icon="edit" hotkey="e" onClick={() => setOpen('edit')}>
            Change
          </Button>
        </>
      )}
      {admin && (
        <Button icon="trash" hotkey="Del" onClick={() => setOpen('delete')}>
          Delete
        </Button>
      )}
      {open === 'edit' && <ScheduleDialog schedule={schedule} onClose={close} />}
      {open === 'delete' && (
        <Confirm title={`Delete the schedule ${schedule.name}?`} action="Delete" onClose={close} onConfirm={removeIt}>
          It makes no further jobs. The jobs it made stay.
        </Confirm>
      )}
    </div>
  );
}

function RunRow({ run }: { run: ScheduleRun }) {
  return (
    <tr>
      <td data-label="Due">
        <At time={run.due_at} />
      </td>
      <td data-label="Result">
        <span className={run.result === 'submitted' ? 'tag' : 'tag warn'}>{run.result}</span>{' '}
        <span className="muted">{KIND_WORDS[run.kind]}</span>
      </td>
      <td data-label="Job" className="wrap">
        {run.job_id ? (
          <Link to={`/jobs/${run.job_id}`} className="mono">
            {run.job_id}
          </Link>
        ) : (
          <span className="muted">{run.message ?? '–'}</span>
        )}
      </td>
      <td data-label="Decided" className="right">
        <Ago time={run.at} />
      </td>
    </tr>
  );
}

function Runs({ name }: { name: string }) {
  const runs = useScheduleRuns(name);
  return (
    <Panel title="Runs so far">
      {runs.error && <Trouble error={runs.error} again={() => void runs.refetch()} />}
      {runs.isPending && <Waiting />}
      {runs.data?.runs.length === 0 && <Empty title="It has not run yet" />}
      {runs.data && runs.data.runs.length > 0 && (
        <Table name="Runs" className="stacked">
          <thead>
            <tr>
              <th scope="col">Due</th>
              <th scope="col">Result</th>
              <th scope="col">Job</th>
              <th scope="col" className="right">
                Decided
              </th>
            </tr>
          </thead>
          <tbody>
            {runs.data.runs.map((run) => (
              <RunRow key={run.due_at + run.at} run={run} />
            ))}
          </tbody>
        </Table>
      )}
    </Panel>
  );
}

function Rules({ schedule }: { schedule: Schedule }) {
  const facts: Fact[] = [
    ['When the last job is not over', OVERLAP_WORDS[schedule.overlap]],
    [
      'When times were missed',
      MISSED_WORDS[schedule.missed] + (schedule.missed === 'all' ? `: ${schedule.max_catch_up}` : ''),
    ],
    ['Jobs working now', count(schedule.active_jobs)],
    ['Submitted', count(schedule.submitted)],
    ['Skipped', count(schedule.skipped)],
    ['Missed', count(schedule.missed_runs)],
  ];
  return (
    <Panel title="Rules and counts">
      <FactList facts={facts} look="list" />
    </Panel>
  );
}

export function SchedulePage({ name }: { name: string }) {
  const query = useSchedule(name);
  const schedule = query.data;
  if (!schedule) {
    return (
      <>
        <div className="page-head">
          <h1>{name}</h1>
        </div>
        {query.error ? <Trouble error={query.error} again={() => void query.refetch()} /> : <Waiting rows={8} />}
        <p>
          <Link to="/schedules">All schedules</Link>
        </p>
      </>
    );
  }
  const made = Object.entries({ entity_type: null, job_type: null, ...schedule.job }).map(
    ([name, value]): Fact => [name.replaceAll('_', ' '), asText(value)],
  );
  return (
    <>
      <div className="page-head job-head">
        <div>
          <p className="crumbs">
            <Link to="/schedules">Schedules</Link>
          </p>
          <h1>{schedule.name}</h1>
          <p className="subtitle">
            {schedule.paused && <span className="tag warn">paused</span>}
            <span>{schedule.words}</span>
            <span className="muted">{schedule.time_zone}</span>
            {schedule.cron && <code className="muted">{schedule.cron}</code>}
          </p>
        </div>
        <Actions schedule={schedule} />
      </div>
      <div className="job-columns">
        <div className="job-main">
          <Panel title="Next runs">
            {schedule.next_runs && schedule.next_runs.length > 0 ? (
              <RunsAhead runs={schedule.next_runs} zone={schedule.time_zone} />
            ) : (
              <Empty title={schedule.paused ? 'It is paused' : 'Nothing comes any more'}>
                {schedule.paused ? 'Press p to resume it.' : 'Its one moment has passed.'}
              </Empty>
            )}
          </Panel>
          <Runs name={name} />
        </div>
        <div className="job-side">
          <Panel title="The job it makes">
            <FactList facts={made} look="list" />
          </Panel>
          <Rules schedule={schedule} />
        </div>
      </div>
    </>
  );
}
