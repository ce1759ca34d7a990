import { useState, type FormEvent, type HTMLInputTypeAttribute } from 'react';
import { ApiError, post } from '../../api/client';
import { useTypes } from '../../api/queries';
import type { Job, Limits, Types } from '../../api/types';
import { navigate } from '../../route';
import { Button } from '../../ui/basics';
import { Dialog } from '../../ui/Dialog';
import { useAct } from '../../ui/actions';
import { duration, plural } from '../../words';
import { knobsOf, SELF_TESTS, USUAL_JOB_TYPES, type Knob } from './jobTypes';
import { bodyOf, EMPTY, FIELDS, filtersOf, formOf, withFilter, type Field, type Form } from './newJob';

const NAMES: Record<Field, string> = {
  entity_type: 'Entity type',
  job_type: 'Job type',
  search_query: 'Search query',
  target_url: 'Target address',
  entity_id: 'Entity id',
  location: 'Location',
  community_id: 'Community id',
  builder_id: 'Builder id',
  search_filters: 'Search filters, JSON',
  priority: 'Priority, 0 to 10',
  run_at: 'Not before',
  max_attempts: 'Attempts at most',
  timeout_minutes: 'Timeout, minutes',
  parent_job_id: 'Parent job',
  unique_key: 'Unique key',
};

const KINDS: Partial<Record<Field, HTMLInputTypeAttribute>> = {
  target_url: 'url',
  priority: 'number',
  max_attempts: 'number',
  timeout_minutes: 'number',
  run_at: 'datetime-local',
};

const MAIN: Field[] = ['entity_type', 'job_type', 'search_query', 'target_url'];

interface InputProps {
  field: Field;
  hint?: string;
  value: string;
  wrong: string | undefined;
  options: string[];
  set: (value: string) => void;
}

function Input({ field, hint, value, wrong, options, set }: InputProps) {
  const about = wrong ? `${field}-wrong` : undefined;
  const common = {
    value,
    'aria-invalid': wrong !== undefined,
    'aria-describedby': about,
    required: field === 'entity_type' || field === 'job_type',
    'data-first': field === 'entity_type' || undefined,
  };
  return (
    <label className={`field ${field}`}>
      <span>{NAMES[field]}</span>
      {field === 'search_filters' ? (
        <textarea rows={3} spellCheck={false} {...common} onChange={(event) => set(event.target.value)} />
      ) : (
        <input
          {...common}
          type={KINDS[field] ?? 'text'}
          step={KINDS[field] === 'number' ? 'any' : undefined}
          placeholder={hint}
          list={options.length > 0 ? `${field}-options` : undefined}
          autoComplete="off"
          onChange={(event) => set(event.target.value)}
        />
      )}
      {options.length > 0 && (
        <datalist id={`${field}-options`}>
          {options.map((option) => (
            <option key={option} value={option} />
          ))}
        </datalist>
      )}
      {wrong && (
        <span className="wrong" id={about}>
          {NAMES[field].split(',')[0]} {wrong}
        </span>
      )}
    </label>
  );
}

// What the chosen type is, and what holds for its jobs unless they say otherwise.
function TypeWords({ form, types }: { form: Form; types: Types }) {
  const type = types.types.find((each) => each.entity_type === form.entity_type);
  if (!form.entity_type) return null;
  if (!type) {
    return (
      <p className="type-words warn-text">
        No collector serves this type: its jobs are accepted, and fail when they run. Known are{' '}
        {types.types.map((each) => each.entity_type).join(', ')}.
      </p>
    );
  }
  // It rests for commands that know nothing of it.
  const heartbeat = type.collector !== 'command' || type.heartbeat_set;
  return (
    <p className="type-words muted">
      Collected by {type.collector === 'command' ? 'a command' : type.collector}. An attempt may take{' '}
      {duration(type.timeout_minutes * 60_000)}
      {heartbeat && `, be silent for ${duration(type.heartbeat_timeout_seconds * 1_000)}`} and make no progress for{' '}
      {duration(type.stall_timeout_seconds * 1_000)}; {plural(type.max_attempts, 'attempt')} at most
      {type.max_running ? `, ${type.max_running} at once` : ''}.
    </p>
  );
}

function KnobInput({ knob, form, set }: { knob: Knob; form: Form; set: (form: Form) => void }) {
  const value = filtersOf(form)?.[knob.name];
  return (
    <label className="field">
      <span>{knob.words}</span>
      <input
        type="number"
        min={0}
        value={typeof value === 'number' ? value : ''}
        onChange={(event) => set(withFilter(form, knob.name, event.target.value))}
      />
    </label>
  );
}

function hintsOf(form: Form, types: Types | undefined): Partial<Record<Field, string>> {
  const limits: Limits | undefined =
    types?.types.find((each) => each.entity_type === form.entity_type) ?? types?.defaults;
  if (!limits) return {};
  return {
    priority: String(limits.priority),
    max_attempts: String(limits.max_attempts),
    timeout_minutes: String(limits.timeout_minutes),
    target_url: 'https://',
  };
}

export function CreateDialog({ onClose, like }: { onClose: () => void; like?: Job }) {
  const [form, setForm] = useState<Form>(() => (like ? formOf(like) : EMPTY));
  const [wrong, setWrong] = useState<Partial<Record<string, string>>>({});
  const [refused, setRefused] = useState('');
  const [busy, setBusy] = useState(false);
  const { data: types } = useTypes();
  const act = useAct();

  const options: Partial<Record<Field, string[]>> = {
    entity_type: types?.types.map((type) => type.entity_type) ?? [],
    job_type: form.entity_type === 'selftest' ? SELF_TESTS : USUAL_JOB_TYPES,
  };

  async function create(run: boolean) {
    const made = bodyOf(form);
    if ('wrong' in made) return setWrong({ [made.wrong.field]: made.wrong.message });
    setBusy(true);
    setWrong({});
    setRefused('');
    try {
      const job = await post<Job & { warnings?: string[] }>('/jobs', made.body);
      onClose();
      navigate(`/jobs/${job.job_id}`);
      const said = [`Created ${job.job_id}.`, ...(job.warnings ?? [])].join(' ');
      await act(
        () => (run ? post<object>(`/jobs/${job.job_id}/start`) : Promise.resolve({})),
        () => (run ? `${said} It starts now.` : said),
      );
    } catch (error) {
      setBusy(false);
      const fields = error instanceof ApiError ? error.fields : [];
      setWrong(Object.fromEntries(fields.map((each) => [each.field, each.message])));
      const placed = fields.length > 0 && fields.every((each) => FIELDS.some((field) => field === each.field));
      setRefused(placed ? '' : error instanceof Error ? error.message : String(error));
    }
  }

  const input = (field: Field) => (
    <Input
      key={field}
      field={field}
      hint={hints[field]}
      value={form[field]}
      wrong={wrong[field]}
      options={options[field] ?? []}
      set={(value) => {
        setForm({ ...form, [field]: value });
        setWrong(({ [field]: _, ...rest }) => rest);
      }}
    />
  );
  const hints = hintsOf(form, types);
  const collector = types?.types.find((each) => each.entity_type === form.entity_type)?.collector;
  const main = MAIN.filter((field) => field !== 'target_url' || collector !== 'selftest');
  const knobs = filtersOf(form) ? knobsOf(form.entity_type, form.job_type) : [];
  const rest = FIELDS.filter((field) => !main.includes(field));
  const told = (field: Field) => field === 'search_filters' && knobs.length > 0;
  const showRest = rest.some((field) => (form[field] !== '' && !told(field)) || wrong[field]);

  return (
    <Dialog title={like ? `New job like ${like.job_id}` : 'New job'} onClose={onClose} wide>
      <form
        className="form"
        onSubmit={(event: FormEvent) => {
          event.preventDefault();
          void create(false);
        }}
      >
        {types && <TypeWords form={form} types={types} />}
        <div className="grid">
          {main.map(input)}
          {knobs.map((knob) => (
            <KnobInput key={knob.name} knob={knob} form={form} set={setForm} />
          ))}
        </div>
        <details open={showRest || undefined}>
          <summary>More: filters, limits, when</summary>
          <div className="grid">{rest.map(input)}</div>
        </details>
        {refused && (
          <p className="wrong" role="alert">
            {refused}
          </p>
        )}
        <footer>
          <Button onClick={onClose}>Not now</Button>
          <Button disabled={busy || !form.entity_type || !form.job_type} onClick={() => void create(true)}>
            Create and run
          </Button>
          <Button look="primary" type="submit" disabled={busy}>
            Create
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}
