import { useState } from 'react';
import { ApiError, post, remove } from '../../api/client';
import type { BulkResult, Job, Message } from '../../api/types';
import { navigate } from '../../route';
import { Button } from '../../ui/basics';
import { Confirm } from '../../ui/Confirm';
import { useAct, useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { useNotes } from '../../ui/toast';
import { CreateDialog } from '../jobs/CreateDialog';

export function Actions({ job }: { job: Job }) {
  const act = useAct();
  const { tell, complain } = useNotes();
  const operator = useMay('operator');
  const admin = useMay('admin');
  const [open, setOpen] = useState<'none' | 'copy' | 'delete'>('none');
  const close = () => setOpen('none');
  const id = job.job_id;

  // With every slot in use it starts when one is free: asked for once is enough.
  const startOrAsk = async () => {
    try {
      await post<Job>(`/jobs/${id}/start`);
      return `Started ${id}`;
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 409) throw error;
      const asked = await post<BulkResult>('/jobs/bulk-start', { job_ids: [id] });
      if (asked.affected_count === 0) throw error;
      return `${error.message} It starts by itself as soon as it can.`;
    }
  };
  const start = () => void act(startOrAsk, (words) => words);
  const copyId = () =>
    void navigator.clipboard.writeText(id).then(
      () => tell(`Copied ${id}`),
      () => complain(new Error('This browser does not let the page copy.')),
    );
  const retry = () => void act(() => post<Job>(`/jobs/${id}/retry`), () => `${id} is pending again`);
  const cancel = (force: boolean) =>
    void act(
      () => post<Job>(`/jobs/${id}/cancel`, undefined, force ? { force: true } : {}),
      () => (job.status === 'pending' ? `Cancelled ${id}` : `Cancelling ${id}${force ? ' without grace' : ''}`),
    );

  const over = job.status !== 'pending' && job.status !== 'running';
  const may = {
    start: operator && job.status === 'pending',
    retry: operator && (job.status === 'failed' || job.status === 'cancelled'),
    cancel: operator && !over && job.cancel_requested_at === null,
    force: operator && job.status === 'running' && job.cancel_requested_at !== null,
    copy: operator,
    remove: admin && job.status !== 'running',
  };

  useKeys({
    r: may.start && start,
    t: may.retry && retry,
    c: (may.cancel || may.force) && (() => cancel(may.force)),
    d: may.copy && (() => setOpen('copy')),
    y: copyId,
    Delete: may.remove && (() => setOpen('delete')),
  });

  async function removeIt() {
    const gone = await act(() => remove<Message>(`/jobs/${id}`), (answer) => answer.message);
    if (gone) navigate('/jobs');
  }

  return (
    <div className="actions" role="group" aria-label="Actions">
      {may.start && (
        <Button look="primary" icon="play" hotkey="r" onClick={start}>
          Run now
        </Button>
      )}
      {may.retry && (
        <Button look="primary" icon="retry" hotkey="t" onClick={retry}>
          Retry
        </Button>
      )}
      {may.cancel && (
        <Button icon="ban" hotkey="c" onClick={() => cancel(false)}>
          Cancel
        </Button>
      )}
      {may.force && (
        <Button look="danger" icon="ban" hotkey="c" onClick={() => cancel(true)}>
          Kill now
        </Button>
      )}
      {may.copy && (
        <Button icon="copy" hotkey="d" onClick={() => setOpen('copy')}>
          Duplicate
        </Button>
      )}
      <Button look="quiet" icon="link" aria-label="Copy the job id" title="Copy the job id (y)" onClick={copyId} />
      {may.remove && (
        <Button icon="trash" hotkey="Del" onClick={() => setOpen('delete')}>
          Delete
        </Button>
      )}
      {open === 'copy' && <CreateDialog like={job} onClose={close} />}
      {open === 'delete' && (
        <Confirm title={`Delete ${id}?`} action="Delete" onClose={close} onConfirm={removeIt}>
          Its attempts, logs and {job.changes_detected} change(s) are deleted with it. This cannot be taken back.
        </Confirm>
      )}
    </div>
  );
}
