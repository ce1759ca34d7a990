import { useState } from 'react';
import { useAttempts, useExplanation, useJob, useJobs } from '../../api/queries';
import type { Attempt, Job } from '../../api/types';
import { Bar, Empty, inLocalTime, Link, Panel, StatusMark, Trouble, Waiting } from '../../ui/basics';
import { outcomeName, plural } from '../../words';
import { TimeLeft } from '../overview/TimeLeft';
import { Actions } from './Actions';
import { AttemptList } from './AttemptList';
import { ChangesPanel } from './ChangesPanel';
import { Facts } from './Facts';
import { LogPanel } from './LogPanel';
import { Timeline } from './Timeline';

function ExplainBox({ job }: { job: Job }) {
  const { data, error } = useExplanation(job.job_id);
  const question = {
    pending: 'Why is it not running?',
    running: 'What does it do?',
    completed: 'How did it end?',
    failed: 'Why did it fail?',
    cancelled: 'Why did it end?',
  }[job.status];
  return (
    <Panel title={question} className="explain">
      {error && <Trouble error={error} />}
      {!data && !error && <Waiting rows={1} />}
      <ul>
        {data?.reasons.map((reason) => (
          <li key={reason.code + reason.message} title={reason.message}>
            {inLocalTime(reason.message)}
          </li>
        ))}
      </ul>
      {job.error_message && !data?.reasons.some((reason) => reason.message.includes(job.error_message ?? '')) && (
        <p className="error-text">
          {job.error_class && <span className="tag bad">{outcomeName(job.error_class)}</span>} {job.error_message}
        </p>
      )}
    </Panel>
  );
}

function ProgressBox({ job }: { job: Job }) {
  const { percent, stage, message } = job.progress;
  return (
    <section className="progress-box" aria-label="Progress">
      <div className="running-words">
        <span>
          {stage ?? 'started'} {message && <span className="muted">{message}</span>}
        </span>
        <strong>{percent !== null ? `${percent}%` : ''}</strong>
      </div>
      <Bar value={percent} label="Progress" />
      <TimeLeft job={job} />
    </section>
  );
}

function AttemptsPanel({ job }: { job: Job }) {
  const attempts = useAttempts(job.job_id);
  const [chosen, setChosen] = useState<number | null>(null);
  const list: Attempt[] = attempts.data?.attempts ?? [];
  return (
    <Panel title="Attempts" aside={list.length > 0 && <span className="muted">{plural(list.length, 'attempt')}</span>}>
      {attempts.error && <Trouble error={attempts.error} again={() => void attempts.refetch()} />}
      {attempts.isPending && <Waiting />}
      {attempts.data && list.length === 0 && <Empty title="It was never started" />}
      {list.length > 0 && (
        <>
          <Timeline attempts={list} chosen={chosen} onChoose={setChosen} />
          <AttemptList attempts={list} chosen={chosen} onChoose={setChosen} />
        </>
      )}
    </Panel>
  );
}

function ChildrenPanel({ id }: { id: string }) {
  const children = useJobs({ parent_job_id: id, page_size: 10 });
  if (!children.data || children.data.total === 0) return null;
  return (
    <Panel
      title="Child jobs"
      aside={<Link to={`/jobs?parent_job_id=${id}`}>{plural(children.data.total, 'child', 'children')}</Link>}
    >
      <ul className="rows">
        {children.data.jobs.map((job) => (
          <li key={job.job_id}>
            <StatusMark status={job.status} />
            <Link to={`/jobs/${job.job_id}`} className="mono">
              {job.job_id}
            </Link>
            <span className="muted">
              {job.entity_type} {job.job_type}
            </span>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

export function JobPage({ id }: { id: string }) {
  const query = useJob(id);
  const job = query.data;
  if (query.error && !job) {
    return (
      <>
        <div className="page-head">
          <h1 className="mono">{id}</h1>
        </div>
        <Trouble error={query.error} again={() => void query.refetch()} />
        <p>
          <Link to="/jobs">All jobs</Link>
        </p>
      </>
    );
  }
  if (!job) return <Waiting rows={10} />;
  return (
    <>
      <div className="page-head job-head">
        <div>
          <p className="crumbs">
            <Link to="/jobs">Jobs</Link> /{' '}
            {job.parent_job_id && (
              <>
                <Link to={`/jobs/${job.parent_job_id}`} className="mono">
                  {job.parent_job_id}
                </Link>{' '}
                /
              </>
            )}
          </p>
          <h1 className="mono">{job.job_id}</h1>
          <p className="subtitle">
            <StatusMark status={job.status} detail={job.cancel_requested_at && job.status === 'running' ? 'cancelling' : undefined} />
            <span>
              {job.entity_type} <span className="muted">{job.job_type}</span>
            </span>
          </p>
        </div>
        <Actions job={job} />
      </div>
      {job.status === 'running' && <ProgressBox job={job} />}
      <div className="two uneven">
        <ExplainBox job={job} />
        <Facts job={job} />
      </div>
      <AttemptsPanel job={job} />
      <LogPanel id={id} running={job.status === 'running'} attempts={job.attempt} />
      <ChangesPanel id={id} />
      <ChildrenPanel id={id} />
    </>
  );
}
