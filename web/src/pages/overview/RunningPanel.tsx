import { post } from '../../api/client';
import { useJobs } from '../../api/queries';
import type { ExecutePending, Job } from '../../api/types';
import { useNow } from '../../clock';
import { Bar, Button, Empty, Link, Panel, Trouble, Waiting } from '../../ui/basics';
import { useAct, useMay } from '../../ui/actions';
import { count, duration } from '../../words';
import { TimeLeft } from './TimeLeft';

const SHOWN = 20;

function RunningJob({ job }: { job: Job }) {
  const now = useNow();
  const act = useAct();
  const may = useMay('operator');
  const { percent, stage, message } = job.progress;
  const age = job.started_at ? duration(now - Date.parse(job.started_at)) : '';
  return (
    <li className="running-job">
      <div className="running-name">
        <Link to={`/jobs/${job.job_id}`} className="mono">
          {job.job_id}
        </Link>
        <span className="muted">
          {job.entity_type} {job.job_type} · attempt {job.attempt} · {age}
        </span>
      </div>
      <div className="running-bar">
        <span className="running-words">
          <span className="cut">{job.cancel_requested_at ? 'cancelling' : (message ?? stage ?? 'started')}</span>
          <span>{percent !== null ? `${Math.round(percent)}%` : ''}</span>
        </span>
        <Bar value={percent} label={`Progress of ${job.job_id}`} />
      </div>
      <TimeLeft job={job} />
      {may && (
        <Button
          look="quiet"
          aria-label={`Cancel ${job.job_id}`}
          disabled={job.cancel_requested_at !== null}
          onClick={() =>
            void act(
              () => post(`/jobs/${job.job_id}/cancel`),
              () => `Cancelling ${job.job_id}`,
            )
          }
        >
          Cancel
        </Button>
      )}
    </li>
  );
}

export function RunningPanel() {
  const running = useJobs({ status: 'running', sort: 'started_at', page_size: SHOWN });
  const act = useAct();
  const may = useMay('operator');
  const next = () =>
    act(
      () => post<ExecutePending>('/jobs/execute-pending'),
      (answer) => answer.message,
    );
  return (
    <Panel
      title="Running now"
      aside={
        may && (
          <Button icon="play" look="primary" onClick={() => void next()}>
            Run next
          </Button>
        )
      }
    >
      {running.error && <Trouble error={running.error} again={() => void running.refetch()} />}
      {running.isPending && <Waiting />}
      {running.data?.jobs.length === 0 && (
        <Empty title="Nothing runs">&ldquo;Run next&rdquo; starts the next pending job.</Empty>
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
