// The columns of the job list: what each shows, and which of them somebody wants to see.
import { useMemo, useState, type ReactNode } from 'react';
import type { Job } from '../../api/types';
import { Ago, Bar, Link, StatusMark } from '../../ui/basics';
import { useNow } from '../../clock';
import { count, duration } from '../../words';

export interface Column {
  key: string;
  head: string;
  sort?: string;
  right?: boolean;
  cell: (job: Job) => ReactNode;
}

function RunTime({ job }: { job: Job }) {
  const now = useNow();
  if (!job.started_at || job.status === 'pending') return <span className="muted">–</span>;
  const end = job.completed_at ? Date.parse(job.completed_at) : now;
  return <>{duration(end - Date.parse(job.started_at))}</>;
}

function Progress({ job }: { job: Job }) {
  if (job.status === 'failed') {
    return (
      <span className="cut wrong-text" title={job.error_message ?? ''}>
        {job.error_message}
      </span>
    );
  }
  if (job.status === 'running') {
    const { percent, stage, message } = job.progress;
    return (
      <span className="cell-progress">
        <Bar value={percent} label={`Progress of ${job.job_id}`} />
        <span className="right">{percent !== null ? `${Math.round(percent)}%` : ''}</span>
        <span className="cut muted">{message ?? stage ?? 'started'}</span>
      </span>
    );
  }
  if (job.status === 'pending' && job.error_message) {
    return (
      <span className="cut muted" title={job.error_message}>
        retry <Ago time={job.next_run_at} />: {job.error_message}
      </span>
    );
  }
  const text = job.search_query ?? job.target_url ?? '';
  return (
    <span className="cut muted" title={text}>
      {text}
    </span>
  );
}

export const COLUMNS: Column[] = [
  {
    key: 'job',
    head: 'Job',
    cell: (job) => (
      <Link to={`/jobs/${job.job_id}`} className="mono">
        {job.job_id}
      </Link>
    ),
  },
  { key: 'status', head: 'Status', cell: (job) => <StatusMark status={job.status} /> },
  {
    key: 'type',
    head: 'Type',
    cell: (job) => (
      <>
        {job.entity_type} <span className="muted">{job.job_type}</span>
      </>
    ),
  },
  { key: 'progress', head: 'What happens', cell: (job) => <Progress job={job} /> },
  { key: 'created', head: 'Created', sort: 'created_at', cell: (job) => <Ago time={job.created_at} /> },
  { key: 'started', head: 'Started', sort: 'started_at', cell: (job) => <Ago time={job.started_at} /> },
  { key: 'finished', head: 'Finished', sort: 'completed_at', cell: (job) => <Ago time={job.completed_at} /> },
  { key: 'run', head: 'Run time', right: true, cell: (job) => <RunTime job={job} /> },
  { key: 'attempt', head: 'Attempt', right: true, cell: (job) => job.attempt },
  { key: 'priority', head: 'Priority', sort: 'priority', right: true, cell: (job) => job.priority },
  { key: 'changes', head: 'Changes', right: true, cell: (job) => count(job.changes_detected) },
  { key: 'updated', head: 'Updated', sort: 'updated_at', cell: (job) => <Ago time={job.updated_at} /> },
  {
    key: 'address',
    head: 'Address',
    cell: (job) => (
      <span className="cut" title={job.target_url ?? ''}>
        {job.target_url ?? <span className="muted">–</span>}
      </span>
    ),
  },
  {
    key: 'error',
    head: 'Error class',
    cell: (job) => job.error_class?.replaceAll('_', ' ') ?? <span className="muted">–</span>,
  },
  { key: 'items', head: 'Items', right: true, cell: (job) => count(job.items_found) },
  { key: 'node', head: 'Node', cell: (job) => <span className="cut">{job.node ?? '–'}</span> },
  { key: 'by', head: 'By', cell: (job) => job.initiated_by ?? <span className="muted">–</span> },
];

const KEY = 'forager.columns';
const USUAL = ['job', 'status', 'type', 'progress', 'created', 'run', 'attempt'];

export function useColumns() {
  const [keys, setKeys] = useState<string[]>(() => {
    const kept = localStorage.getItem(KEY)?.split(',') ?? USUAL;
    return COLUMNS.filter((column) => kept.includes(column.key)).map((column) => column.key);
  });
  function toggle(key: string) {
    const wanted = keys.includes(key) ? keys.filter((each) => each !== key) : [...keys, key];
    localStorage.setItem(KEY, wanted.join(','));
    setKeys(wanted);
  }
  const columns = useMemo(() => COLUMNS.filter((column) => keys.includes(column.key)), [keys]);
  return { columns, keys, toggle };
}
