import { useState, type FormEvent } from 'react';
import { post } from '../../api/client';
import { useJobs } from '../../api/queries';
import type { Job, ResetStuck } from '../../api/types';
import { useNow } from '../../clock';
import { Button } from '../../ui/basics';
import { Dialog } from '../../ui/Dialog';
import { useAct } from '../../ui/actions';
import { duration, plural } from '../../words';

const LISTED = 5;

const age = (job: Job, now: number) => now - Date.parse(job.started_at ?? job.updated_at);

export function ResetDialog({ minutes, onClose }: { minutes: number; onClose: () => void }) {
  const [text, setText] = useState(String(minutes));
  const [requeue, setRequeue] = useState(false);
  const [busy, setBusy] = useState(false);
  const now = useNow();
  const act = useAct();
  const { data } = useJobs({ status: 'running', sort: 'started_at', page_size: 100 });
  const timeout = Number(text);
  const valid = text.trim() !== '' && timeout >= 0 && timeout <= 10_080;
  const hit = valid ? (data?.jobs ?? []).filter((job) => age(job, now) >= timeout * 60_000) : [];

  async function submit(event: FormEvent) {
    event.preventDefault();
    setBusy(true);
    const query = { timeout_minutes: timeout, requeue };
    await act(
      () => post<ResetStuck>('/jobs/reset-stuck', undefined, query),
      (answer) => answer.message,
    );
    onClose();
  }

  return (
    <Dialog title="Reset stuck jobs" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <label className="field">
          <span>Jobs running for more than, in minutes</span>
          <input
            data-first
            type="number"
            min={0}
            max={10_080}
            step="any"
            required
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </label>
        <label className="check">
          <input type="checkbox" checked={requeue} onChange={(event) => setRequeue(event.target.checked)} />
          <span>Put them back to pending instead of failing them</span>
        </label>
        <div className="preview" aria-live="polite">
          <p>
            <strong>{plural(hit.length, 'job')}</strong> would be {requeue ? 'put back to pending' : 'failed'} now and
            their processes killed without grace.
          </p>
          <ul>
            {hit.slice(0, LISTED).map((job) => (
              <li key={job.job_id}>
                <code>{job.job_id}</code> <span className="muted">runs for {duration(age(job, now))}</span>
              </li>
            ))}
            {hit.length > LISTED && <li className="muted">and {hit.length - LISTED} more</li>}
          </ul>
        </div>
        <footer>
          <Button onClick={onClose}>Not now</Button>
          <Button look="danger" type="submit" disabled={busy || !valid}>
            Reset
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
