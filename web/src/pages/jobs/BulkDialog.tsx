// Says what a bulk action will do, by a dry run on the server, before it is done.
import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { post } from '../../api/client';
import { useDispatch, useStats } from '../../api/queries';
import type { BulkResult } from '../../api/types';
import { Button, Trouble, Waiting } from '../../ui/basics';
import { Dialog } from '../../ui/Dialog';
import { useAct } from '../../ui/actions';
import { count, plural } from '../../words';
import type { Chosen } from './useSelection';

export type BulkAction = 'start' | 'retry' | 'cancel' | 'delete';

const WORDS: Record<BulkAction, { verb: string; done: string; left: string; then: string }> = {
  start: {
    verb: 'Run',
    done: 'are asked to run',
    left: 'Only pending jobs can be asked to run.',
    then: 'Each starts as soon as a slot is free, those that wait for their time too.',
  },
  retry: {
    verb: 'Retry',
    done: 'go back to pending',
    left: 'Only failed and cancelled jobs are retried.',
    then: 'Their tries are counted anew, their history stays. They start when they are asked to.',
  },
  cancel: {
    verb: 'Cancel',
    done: 'are cancelled',
    left: 'Only pending and running jobs are cancelled.',
    then: 'Running ones get their grace time, then their processes are killed.',
  },
  delete: {
    verb: 'Delete',
    done: 'are deleted',
    left: 'Running jobs, and those whose processes are not yet gone, are never deleted.',
    then: 'Their changes, attempts and logs are deleted with them. This cannot be taken back.',
  },
};

// The filter is held to the jobs that exist now, so that what is done is what was shown.
function scopeOf(chosen: Chosen, opened: string): object {
  if ('ids' in chosen) return { job_ids: chosen.ids };
  return { filter: { ...chosen.filter, created_before: chosen.filter.created_before ?? opened } };
}

function SlotWords() {
  const { data: dispatch } = useDispatch();
  const { data: stats } = useStats();
  if (!dispatch || !stats) return null;
  return (
    <p className="muted">
      {stats.running_jobs} of {plural(dispatch.max_running, 'slot')} in use now.
      {dispatch.paused && ' Dispatch is paused: nothing starts before it is resumed.'}
    </p>
  );
}

interface Props {
  action: BulkAction;
  chosen: Chosen;
  onClose: () => void;
  onDone: () => void;
}

export function BulkDialog({ action, chosen, onClose, onDone }: Props) {
  const words = WORDS[action];
  const act = useAct();
  const [opened] = useState(() => new Date().toISOString());
  const [busy, setBusy] = useState(false);
  const scope = scopeOf(chosen, opened);
  const send = (dry_run: boolean) => post<BulkResult>(`/jobs/bulk-${action}`, { ...scope, dry_run });
  const trial = useQuery({
    queryKey: ['bulk', action, scope],
    queryFn: () => send(true),
    retry: false,
    gcTime: 0,
    staleTime: Infinity,
  });

  async function confirm() {
    setBusy(true);
    const answer = await act(
      () => send(false),
      (result) => result.message,
    );
    if (answer) onDone();
    onClose();
  }

  const affected = trial.data?.affected_count ?? 0;
  const total = 'ids' in chosen ? chosen.ids.length : chosen.total;
  const left = 'capped' in chosen && chosen.capped ? 0 : Math.max(0, total - affected);
  return (
    <Dialog title={`${words.verb} jobs`} onClose={onClose}>
      {trial.error && <Trouble error={trial.error} />}
      {trial.isPending && <Waiting rows={2} />}
      {trial.data && (
        <div className="preview">
          <p>
            <strong>{plural(affected, 'job')}</strong> {affected === 1 ? words.done.replace(/^are/, 'is').replace(/^go/, 'goes') : words.done}. {affected > 0 && words.then}
          </p>
          {action === 'start' && affected > 0 && <SlotWords />}
          {left > 0 && (
            <p className="muted">
              {plural(left, 'other')} of the chosen {left === 1 ? 'is' : 'are'} left as {left === 1 ? 'it is' : 'they are'}. {words.left}
            </p>
          )}
          {affected > 0 && (
            <details>
              <summary>Which ones</summary>
              <ul className="ids">
                {trial.data.job_ids.map((id) => (
                  <li key={id}>
                    <code>{id}</code>
                  </li>
                ))}
                {affected > trial.data.job_ids.length && (
                  <li className="muted">and {count(affected - trial.data.job_ids.length)} more</li>
                )}
              </ul>
            </details>
          )}
        </div>
      )}
      <footer>
        <Button data-first onClick={onClose}>
          Not now
        </Button>
        <Button
          look={action === 'retry' || action === 'start' ? 'primary' : 'danger'}
          disabled={busy || affected === 0}
          onClick={() => void confirm()}
        >
          {words.verb} {affected > 0 ? plural(affected, 'job') : ''}
        </Button>
      </footer>
    </Dialog>
  );
}
