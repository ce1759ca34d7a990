import { post } from '../../api/client';
import { useDispatch, useJobs, useStats } from '../../api/queries';
import type { ExecutePending, Job } from '../../api/types';
import { useNow } from '../../clock';
import { Bar, Button, Empty, Link, Panel, Trouble, Waiting } from '../../ui/basics';
import { LimitMeters } from '../../ui/Limits';
import { useAct, useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { count, duration } from '../../words';

const SHOWN = 20;

function RunningJob({ job }: { job: Job }) {
  const now = useNow();
  const act = useAct();
  const may = useMay('operator');
  const { percent, stage, message } = job.progress;
  const cancelling = job.cancel_requested_at !== null;
  const age = job.started_at ? duration(now - Date.parse(job.started_at)) : '';
  const what = job.search_query ?? job.target_url;
  return (
    <li className="running-job">
      <div className="running-name">
        <Link to={`/jobs/${job.job_id}`} className="mono">
          {job.job_id}
        </Link>
        <span className="muted cut">
          {job.entity_type} {job.job_type} · attempt {job.attempt} · {age}
          {what && ` · ${what}`}
        </span>
      </div>
      <div className="running-bar">
        <span className="running-words">
          <span className="cut">{cancelling ? 'cancelling' : (message ?? stage ?? 'started')}</span>
          <span>{percent !== null ? `${Math.round(percent)}%` : ''}</span>
        </span>
        <Bar value={percent} label={`Progress of ${job.job_id}`} />
      </div>
      <LimitMeters job={job} />
      {may && (
        <Button
          look="quiet"
          icon="ban"
          title="Cancel"
          aria-label={`Cancel ${job.job_id}`}
          disabled={cancelling}
          onClick={() =>
            void act(
              () => post(`/jobs/${job.job_id}/cancel`),
              () => `Cancelling ${job.job_id}`,
            )
          }
        />
      )}
    </li>
  );
}

function Slots() {
  const { data: dispatch } = useDispatch();
  const { data: stats } = useStats();
  if (!dispatch || !stats) return null;
  const used = stats.running_jobs;
  return (
    <span className="slots muted">
      <span className="slot-marks" aria-hidden="true">
        {dispatch.max_running <= 16 &&
          Array.from({ length: dispatch.max_running }, (_, index) => (
            <span key={index} className={index < used ? 'slot used' : 'slot'} />
          ))}
      </span>
      {count(used)} of {count(dispatch.max_running)} slots
    </span>
  );
}

export function RunningPanel() {
  const running = useJobs({ status: 'running', sort: 'started_at', page_size: SHOWN });
  const { data: stats } = useStats();
  const act = useAct();
  const may = useMay('operator');
  const next = () =>
    void act(
      () => post<ExecutePending>('/jobs/execute-pending'),
      (answer) => answer.message,
    );
  useKeys({ r: may && next });
  return (
    <Panel
      title="Running now"
      aside={
        <>
          <Slots />
          {may && (
            <Button icon="play" look="primary" hotkey="r" onClick={next}>
              Run next
            </Button>
          )}
        </>
      }
    >
      {running.error && <Trouble error={running.error} again={() => void running.refetch()} />}
      {running.isPending && <Waiting />}
      {running.data?.jobs.length === 0 && (
        <Empty title="Nothing runs">
          {stats?.pending_jobs
            ? 'Run next starts the next pending job.'
            : 'No job is waiting either. Press n to make one.'}
        </Empty>
      )}
      {running.data && running.data.jobs.length > 0 && (
        <ul className="running">
          {running.data.jobs.map((job) => (
            <RunningJob key={job.job_id} job={job} />
          ))}
        </ul>
      )}
      {running.data && running.data.total > SHOWN && (
        <p className="more">
          <Link to="/jobs?status=running">All {count(running.data.total)} running jobs</Link>
        </p>
      )}
    </Panel>
  );
}
