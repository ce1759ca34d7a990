// Makes or changes a schedule. The server says, while one types, what an expression means and when it comes.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState, type FormEvent } from 'react';
import { ApiError, patch, post } from '../../api/client';
import { useTypes } from '../../api/queries';
import { MISSED, OVERLAPS, type FieldError, type JsonObject, type Preview, type Schedule } from '../../api/types';
import { navigate } from '../../route';
import { Button } from '../../ui/basics';
import { Dialog } from '../../ui/Dialog';
import { useAct } from '../../ui/actions';
import { SELF_TESTS, USUAL_JOB_TYPES } from '../jobs/jobTypes';
import { RunsAhead } from './RunsAhead';
import { HERE, MISSED_WORDS, OVERLAP_WORDS, zones } from './scheduleWords';

const TYPING_MS = 300;
const PREVIEWED = 3;
const COMMON: [string, string][] = [
  ['0 * * * *', 'every hour'],
  ['0 2 * * *', 'every night at 2'],
  ['0 9 * * MON-FRI', 'workdays at 9'],
  ['0 6 * * MON', 'Mondays at 6'],
  ['0 0 1 * *', 'the first of each month'],
];

interface Form {
  name: string;
  when: 'cron' | 'once';
  cron: string;
  run_at: string; // as the input shows it, in the reader's zone
  time_zone: string;
  overlap: Schedule['overlap'];
  missed: Schedule['missed'];
  max_catch_up: string;
  job: string; // all of the job but its two types, as JSON
  entity_type: string;
  job_type: string;
}

const localInput = (time: string) => {
  const date = new Date(time);
  return new Date(date.getTime() - date.getTimezoneOffset() * 60_000).toISOString().slice(0, 16);
};

function formOf(schedule?: Schedule): Form {
  const { entity_type, job_type, ...job } = schedule?.job ?? {};
  return {
    name: schedule?.name ?? '',
    when: schedule?.run_at ? 'once' : 'cron',
    cron: schedule?.cron ?? '0 2 * * *',
    run_at: schedule?.run_at ? localInput(schedule.run_at) : '',
    time_zone: schedule?.time_zone ?? HERE,
    overlap: schedule?.overlap ?? 'skip',
    missed: schedule?.missed ?? 'once',
    max_catch_up: String(schedule?.max_catch_up ?? 10),
    job: Object.keys(job).length > 0 ? JSON.stringify(job, null, 2) : '',
    entity_type: typeof entity_type === 'string' ? entity_type : '',
    job_type: typeof job_type === 'string' ? job_type : '',
  };
}

function bodyOf(form: Form): JsonObject {
  const job = form.job.trim() ? (JSON.parse(form.job) as JsonObject) : {};
  const when: JsonObject =
    form.when === 'cron' ? { cron: form.cron.trim() } : { run_at: form.run_at && new Date(form.run_at).toISOString() };
  return {
    name: form.name.trim(),
    ...when,
    time_zone: form.time_zone.trim(),
    overlap: form.overlap,
    missed: form.missed,
    max_catch_up: Number(form.max_catch_up),
    job: { ...job, entity_type: form.entity_type.trim(), job_type: form.job_type.trim() },
  };
}

function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = window.setTimeout(() => setSettled(value), TYPING_MS);
    return () => window.clearTimeout(timer);
  }, [value]);
  return settled;
}

function PreviewBox({ cron, zone }: { cron: string; zone: string }) {
  const asked = useSettled(`${cron}\n${zone}`);
  const { data, error } = useQuery<Preview>({
    queryKey: ['preview', asked],
    queryFn: () => {
      const [expression, time_zone] = asked.split('\n');
      return post('/schedules/preview', { cron: expression?.trim() ?? '', time_zone: time_zone ?? '' });
    },
    enabled: asked.trim() !== '',
    retry: false,
    staleTime: 60_000,
  });
  const wrong = error instanceof ApiError ? (error.fields[0]?.message ?? error.message) : error?.message;
  return (
    <div className="schedule-preview" aria-live="polite">
      {wrong && <p className="wrong">{wrong}</p>}
      {data && !wrong && (
        <>
          <p>
            <strong>{data.words}</strong> <span className="muted">{zone}</span>
          </p>
          <RunsAhead runs={data.next_runs.slice(0, PREVIEWED)} zone={zone} />
        </>
      )}
    </div>
  );
}

interface PartProps {
  form: Form;
  set: (change: Partial<Form>) => void;
}

function When({ form, set }: PartProps) {
  return (
    <fieldset>
      <legend>When</legend>
      <div className="segments">
        {(['cron', 'once'] as const).map((when) => (
          <Button key={when} look="quiet" aria-pressed={form.when === when} onClick={() => set({ when })}>
            {when === 'cron' ? 'Again and again' : 'Once'}
          </Button>
        ))}
      </div>
      {form.when === 'cron' ? (
        <>
          <label className="field">
            <span>Cron expression: minute, hour, day of month, month, day of week</span>
            <input
              required
              className="mono"
              spellCheck={false}
              value={form.cron}
              onChange={(event) => set({ cron: event.target.value })}
            />
          </label>
          <div className="suggestions" role="group" aria-label="Common expressions">
            {COMMON.map(([cron, words]) => (
              <button key={cron} type="button" className="chip" aria-pressed={form.cron === cron} onClick={() => set({ cron })}>
                {words}
              </button>
            ))}
          </div>
          <PreviewBox cron={form.cron} zone={form.time_zone} />
        </>
      ) : (
        <label className="field">
          <span>Moment, by your clock ({HERE})</span>
          <input
            required
            type="datetime-local"
            value={form.run_at}
            onChange={(event) => set({ run_at: event.target.value })}
          />
        </label>
      )}
    </fieldset>
  );
}

interface TextProps extends PartProps {
  name: 'name' | 'entity_type' | 'job_type' | 'time_zone';
  label: string;
  options?: string[];
}

function Text({ form, set, name, label, options }: TextProps) {
  const list = options && `schedule-${name}-options`;
  return (
    <label className="field">
      <span>{label}</span>
      <input
        required
        spellCheck={false}
        autoComplete="off"
        data-first={name === 'name' || undefined}
        list={list}
        value={form[name]}
        onChange={(event) => set({ [name]: event.target.value })}
      />
      {options && (
        <datalist id={list}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
    </label>
  );
}

function JobPart(props: PartProps) {
  const { form, set } = props;
  const { data: types } = useTypes();
  return (
    <fieldset>
      <legend>The job it makes</legend>
      <div className="grid">
        <Text
          {...props}
          name="entity_type"
          label="Entity type"
          options={types?.types.map((type) => type.entity_type) ?? []}
        />
        <Text
          {...props}
          name="job_type"
          label="Job type"
          options={form.entity_type === 'selftest' ? SELF_TESTS : USUAL_JOB_TYPES}
        />
      </div>
      <label className="field">
        <span>Everything else of the job, as JSON</span>
        <textarea
          rows={3}
          spellCheck={false}
          placeholder={'{"target_url": "https://…", "priority": 7}'}
          value={form.job}
          onChange={(event) => set({ job: event.target.value })}
        />
      </label>
    </fieldset>
  );
}

function Rules({ form, set }: PartProps) {
  return (
    <div className="grid">
      <label className="field">
        <span>When the job of an earlier run is not over</span>
        <select value={form.overlap} onChange={(event) => set({ overlap: event.target.value as Form['overlap'] })}>
          {OVERLAPS.map((each) => (
            <option key={each} value={each}>
              {OVERLAP_WORDS[each]}
            </option>
          ))}
        </select>
      </label>
      <label className="field">
        <span>When times passed while no server ran</span>
        <select value={form.missed} onChange={(event) => set({ missed: event.target.value as Form['missed'] })}>
          {MISSED.map((each) => (
            <option key={each} value={each}>
              {MISSED_WORDS[each]}
            </option>
          ))}
        </select>
      </label>
      {form.missed === 'all' && (
        <label className="field">
          <span>At most so many</span>
          <input
            type="number"
            min={1}
            max={100}
            required
            value={form.max_catch_up}
            onChange={(event) => set({ max_catch_up: event.target.value })}
          />
        </label>
      )}
    </div>
  );
}

export function ScheduleDialog({ schedule, onClose }: { schedule?: Schedule; onClose: () => void }) {
  const [form, setForm] = useState<Form>(() => formOf(schedule));
  const [wrong, setWrong] = useState<FieldError[]>([]);
  const [busy, setBusy] = useState(false);
  const act = useAct();
  const set = (change: Partial<Form>) => {
    setForm({ ...form, ...change });
    setWrong([]);
  };

  async function send(body: JsonObject) {
    setBusy(true);
    try {
      const saved = schedule
        ? await patch<Schedule>(`/schedules/${schedule.id}`, body)
        : await post<Schedule>('/schedules', body);
      onClose();
      navigate(`/schedules/${encodeURIComponent(saved.name)}`);
      await act(
        () => Promise.resolve(saved),
        () => (schedule ? `Changed the schedule ${saved.name}` : `Made the schedule ${saved.name}`),
      );
    } catch (error) {
      setBusy(false);
      const fields = error instanceof ApiError ? error.fields : [];
      setWrong(fields.length > 0 ? fields : [{ field: '', message: (error as Error).message }]);
    }
  }

  function save(event: FormEvent) {
    event.preventDefault();
    try {
      void send(bodyOf(form));
    } catch {
      setWrong([{ field: 'job', message: 'is not JSON' }]);
    }
  }

  const part = { form, set };
  return (
    <Dialog title={schedule ? `Change ${schedule.name}` : 'New schedule'} onClose={onClose} wide>
      <form className="form" onSubmit={save}>
        <div className="grid">
          <Text {...part} name="name" label="Name" />
          <Text {...part} name="time_zone" label="Time zone" options={zones()} />
        </div>
        <When {...part} />
        <JobPart {...part} />
        <details open={schedule !== undefined || undefined}>
          <summary>Rules: what if a run is late or the last one still works</summary>
          <Rules {...part} />
        </details>
        {wrong.length > 0 && (
          <div className="wrong" role="alert">
            {wrong.map((each) => (
              <p key={each.field + each.message}>
                {each.field} {each.message}
              </p>
            ))}
          </div>
        )}
        <footer>
          <Button onClick={onClose}>Not now</Button>
          <Button look="primary" type="submit" disabled={busy}>
            {schedule ? 'Save' : 'Make the schedule'}
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
