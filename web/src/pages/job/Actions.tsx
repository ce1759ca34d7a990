import { useState } from 'react';
import { post, remove } from '../../api/client';
import type { Job, Message } from '../../api/types';
import { navigate } from '../../route';
import { Button } from '../../ui/basics';
import { Confirm } from '../../ui/Confirm';
import { useAct, useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { CreateDialog } from '../jobs/CreateDialog';

export function Actions({ job }: { job: Job }) {
  const act = useAct();
  const operator = useMay('operator');
  const admin = useMay('admin');
  const [open, setOpen] = useState<'none' | 'copy' | 'delete'>('none');
  const close = () => setOpen('none');
  const id = job.job_id;

  const start = () => void act(() => post<Job>(`/jobs/${id}/start`), () => `Started ${id}`);
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
      {may.remove && (
        <Button icon="trash" aria-label="Delete" title="Delete (Delete)" onClick={() => setOpen('delete')} />
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
