import { useState } from 'react';
import { useAttempts, useExplanation, useJob, useJobs } from '../../api/queries';
import type { Attempt, Job } from '../../api/types';
import { Bar, Empty, inLocalTime, Link, Panel, StatusMark, Trouble, Waiting } from '../../ui/basics';
import { LimitMeters, useLimits } from '../../ui/Limits';
import { count, outcomeName, plural } from '../../words';
import { Actions } from './Actions';
import { AttemptList } from './AttemptList';
import { ChangesPanel } from './ChangesPanel';
import { Facts } from './Facts';
import { LogPanel } from './LogPanel';
import { Timeline } from './Timeline';

// Where the API names a route, the page has a key.
const HERE_WORDS: Record<string, string> = {
  on_request: 'Dispatch is on request: a job starts when somebody asks. “Run now” starts this one.',
};

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
        {data?.reasons.map((reason) => reason.code !== 'signs_of_life' && (
          <li key={reason.code + reason.message} title={reason.message}>
            {HERE_WORDS[reason.code] ?? inLocalTime(reason.message)}
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
  const { signs } = useLimits(job);
  return (
    <section className="panel progress-box" aria-label="Progress">
      <div className="running-words">
        <span>
          {stage ?? 'started'} {message && <span className="muted">{message}</span>}
        </span>
        <strong>{percent !== null ? `${percent}%` : ''}</strong>
      </div>
      <Bar value={percent} label="Progress" />
      <LimitMeters job={job} />
      {signs && <p className="muted">{signs}</p>}
    </section>
  );
}

function AttemptsPanel({ job }: { job: Job }) {
  const attempts = useAttempts(job.job_id);
  const [picked, setPicked] = useState<number | null | undefined>();
  const list: Attempt[] = attempts.data?.attempts ?? [];
  // What hung is shown without asking.
  const hung = list.findLast((attempt) => attempt.snapshot)?.attempt ?? null;
  const chosen = picked === undefined ? hung : picked;
  return (
    <Panel title="Attempts" aside={list.length > 0 && <span className="muted">{plural(list.length, 'attempt')}</span>}>
      {attempts.error && <Trouble error={attempts.error} again={() => void attempts.refetch()} />}
      {attempts.isPending && <Waiting />}
      {attempts.data && list.length === 0 && <Empty title="It was never started" />}
      {list.length > 0 && (
        <>
          <Timeline created={job.created_at} attempts={list} chosen={chosen} onChoose={setPicked} />
          <AttemptList attempts={list} chosen={chosen} onChoose={setPicked} />
        </>
      )}
    </Panel>
  );
}

function Relative({ job }: { job: Job }) {
  return (
    <li>
      <StatusMark status={job.status} />
      <Link to={`/jobs/${job.job_id}`} className="mono">
        {job.job_id}
      </Link>
      <span className="muted cut">
        {job.entity_type} {job.job_type} {job.search_query ?? job.target_url}
      </span>
      {job.status === 'running' && <Bar value={job.progress.percent} label={`Progress of ${job.job_id}`} />}
    </li>
  );
}

function Parent({ id }: { id: string }) {
  const parent = useJob(id);
  if (!parent.data) return <li className="mono">{id}</li>;
  return <Relative job={parent.data} />;
}

function FamilyPanel({ job }: { job: Job }) {
  const children = useJobs({ parent_job_id: job.job_id, page_size: 10, sort: 'created_at' });
  const total = children.data?.total ?? 0;
  if (!job.parent_job_id && total === 0) return null;
  return (
    <Panel
      title="Parent and children"
      aside={total > 0 && <Link to={`/jobs?parent_job_id=${job.job_id}`}>{plural(total, 'child', 'children')}</Link>}
    >
      {job.parent_job_id && (
        <>
          <h3 className="rows-head">Parent</h3>
          <ul className="rows">
            <Parent id={job.parent_job_id} />
          </ul>
        </>
      )}
      {total > 0 && (
        <>
          <h3 className="rows-head">Children</h3>
          <ul className="rows">
            {children.data?.jobs.map((child) => (
              <Relative key={child.job_id} job={child} />
            ))}
            {total > 10 && (
              <li>
                <Link to={`/jobs?parent_job_id=${job.job_id}`}>{count(total - 10)} more</Link>
              </li>
            )}
          </ul>
        </>
      )}
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
            <Link to="/jobs">Jobs</Link>{' '}
            {job.parent_job_id && (
              <>
                /{' '}
                <Link to={`/jobs/${job.parent_job_id}`} className="mono">
                  {job.parent_job_id}
                </Link>
              </>
            )}
          </p>
          <h1 className="mono">{job.job_id}</h1>
          <p className="subtitle">
            <StatusMark status={job.status} detail={job.cancel_requested_at && job.status === 'running' ? 'cancelling' : undefined} />
            <span>
              {job.entity_type} <span className="muted">{job.job_type}</span>
            </span>
            {(job.search_query ?? job.target_url) && (
              <span className="muted cut">{job.search_query ?? job.target_url}</span>
            )}
          </p>
        </div>
        <Actions job={job} />
      </div>
      <div className="job-columns">
        <div className="job-main">
          {job.status === 'running' && <ProgressBox job={job} />}
          <ExplainBox job={job} />
          <AttemptsPanel job={job} />
          <LogPanel id={id} running={job.status === 'running'} attempts={job.attempt} />
          <ChangesPanel id={id} />
        </div>
        <div className="job-side">
          <Facts job={job} />
          <FamilyPanel job={job} />
        </div>
      </div>
    </>
  );
}
