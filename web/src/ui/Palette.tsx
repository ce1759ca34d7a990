// Ctrl-K: pages, actions and jobs in one list.
import { useQuery } from '@tanstack/react-query';
import { useEffect, useId, useRef, useState, type KeyboardEvent } from 'react';
import { get, post } from '../api/client';
import { useDispatch, useSchedules } from '../api/queries';
import type { Dispatch, ExecutePending, JobList } from '../api/types';
import { navigate } from '../route';
import { flipTheme } from '../theme';
import { Icon, type IconName } from './Icon';
import { useAct, useMay } from './actions';
import { usePlaces } from './places';

interface Command {
  name: string;
  icon: IconName;
  hint?: string;
  run: () => void;
}

interface Props {
  onClose: () => void;
  onKeys: () => void;
  onCreate: () => void;
}

function useFound(text: string): Command[] {
  const { data } = useQuery<JobList>({
    queryKey: ['jobs', 'palette', text],
    queryFn: ({ signal }) => get('/jobs', { q: text, page_size: 5 }, signal),
    enabled: text.length >= 2 && !text.startsWith('JOB-'),
  });
  if (/^JOB-\d+-[0-9A-Z]+$/.test(text)) {
    return [{ name: text, icon: 'right', hint: 'open', run: () => navigate(`/jobs/${text}`) }];
  }
  return (text.length >= 2 ? (data?.jobs ?? []) : []).map((job) => ({
    name: job.job_id,
    icon: 'right',
    hint: `${job.entity_type} ${job.job_type}, ${job.status}`,
    run: () => navigate(`/jobs/${job.job_id}`),
  }));
}

function useFoundSchedules(text: string): Command[] {
  const { data } = useSchedules();
  if (text.length < 2) return [];
  return (data?.schedules ?? [])
    .filter((schedule) => schedule.name.toLowerCase().includes(text))
    .slice(0, 5)
    .map((schedule) => ({
      name: schedule.name,
      icon: 'clock',
      hint: schedule.words,
      run: () => navigate(`/schedules/${encodeURIComponent(schedule.name)}`),
    }));
}

function useCommands({ onKeys, onCreate }: Props): Command[] {
  const act = useAct();
  const operator = useMay('operator');
  const places = usePlaces();
  const { data: dispatch } = useDispatch();
  const paused = dispatch?.paused ?? false;
  const commands: Command[] = [
    ...places.map(
      (place, index): Command => ({
        name: place.name,
        icon: place.icon,
        hint: String(index + 1),
        run: () => navigate(place.to),
      }),
    ),
    { name: 'Failed jobs', icon: 'cross', run: () => navigate('/jobs?status=failed&sort=-completed_at') },
    { name: 'Running jobs', icon: 'arc', run: () => navigate('/jobs?status=running') },
    { name: 'Changes waiting for review', icon: 'changes', run: () => navigate('/changes?status=pending') },
  ];
  if (operator) {
    commands.push(
      { name: 'New job', icon: 'plus', hint: 'n', run: onCreate },
      {
        name: 'Run next pending job',
        icon: 'play',
        run: () =>
          void act(
            () => post<ExecutePending>('/jobs/execute-pending'),
            (answer) => answer.message,
          ),
      },
      {
        name: paused ? 'Resume dispatch' : 'Pause dispatch',
        icon: paused ? 'play' : 'pause',
        run: () =>
          void act(
            () => post<Dispatch>(`/dispatch/${paused ? 'resume' : 'pause'}`),
            () => (paused ? 'Dispatch is resumed' : 'Dispatch is paused'),
          ),
      },
    );
  }
  commands.push(
    { name: 'Light or dark theme', icon: 'sun', run: flipTheme },
    { name: 'Keys', icon: 'keyboard', hint: '?', run: onKeys },
  );
  return commands;
}

export function Palette(props: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [text, setText] = useState('');
  const [at, setAt] = useState(0);
  const list = useId();
  const commands = useCommands(props);
  const found = useFound(text.trim());
  const wanted = text.trim().toLowerCase();
  const schedules = useFoundSchedules(wanted);
  const shown = [
    ...commands.filter((command) => command.name.toLowerCase().includes(wanted)),
    ...schedules,
    ...found,
  ];
  const chosen = Math.min(at, Math.max(0, shown.length - 1));

  useEffect(() => {
    const element = dialog.current;
    element?.showModal();
    return () => element?.close();
  }, []);

  function run(command: Command | undefined) {
    if (!command) return;
    props.onClose();
    command.run();
  }

  function press(event: KeyboardEvent) {
    if (event.key === 'ArrowDown') setAt(Math.min(shown.length - 1, chosen + 1));
    else if (event.key === 'ArrowUp') setAt(Math.max(0, chosen - 1));
    else if (event.key === 'Enter') run(shown[chosen]);
    else return;
    event.preventDefault();
  }

  return (
    <dialog
      ref={dialog}
      className="dialog palette"
      aria-label="Find or do"
      onCancel={(event) => {
        event.preventDefault();
        props.onClose();
      }}
      onMouseDown={(event) => event.target === dialog.current && props.onClose()}
    >
      <div className="palette-body">
        <input
          autoFocus
          role="combobox"
          aria-label="Find or do"
          aria-expanded="true"
          aria-controls={list}
          aria-activedescendant={shown[chosen] ? `${list}-${chosen}` : undefined}
          placeholder="A page, an action, a job id, or text in a job"
          value={text}
          onChange={(event) => {
            setText(event.target.value);
            setAt(0);
          }}
          onKeyDown={press}
        />
        <ul id={list} role="listbox" aria-label="What matches">
          {shown.map((command, index) => (
            <li
              key={command.name}
              id={`${list}-${index}`}
              role="option"
              aria-selected={index === chosen}
              onMouseMove={() => setAt(index)}
              onClick={() => run(command)}
            >
              <Icon name={command.icon} />
              <span>{command.name}</span>
              {command.hint && <span className="muted">{command.hint}</span>}
            </li>
          ))}
        </ul>
        {shown.length === 0 && <p className="nothing muted">Nothing matches.</p>}
      </div>
    </dialog>
  );
}
