import { post } from '../../api/client';
import { useDispatch, useTypes } from '../../api/queries';
import type { Dispatch } from '../../api/types';
import { Button, Panel, Trouble, Waiting } from '../../ui/basics';
import { useAct, useMay } from '../../ui/actions';
import { plural } from '../../words';

function useSwitch() {
  const act = useAct();
  return (paused: boolean, type?: string) =>
    act(
      () => post<Dispatch>(`/dispatch/${paused ? 'resume' : 'pause'}`, type ? { entity_type: type } : undefined),
      () => `${type ?? 'Dispatch'} is ${paused ? 'resumed' : 'paused: no new job is started'}`,
    );
}

function TypeSwitch({ type, dispatch }: { type: string; dispatch: Dispatch }) {
  const may = useMay('operator');
  const flip = useSwitch();
  const paused = dispatch.paused_types.includes(type);
  return (
    <li>
      <span>
        {type} {paused && <span className="tag warn">paused</span>}
      </span>
      {may && (
        <Button
          look="quiet"
          icon={paused ? 'play' : 'pause'}
          aria-label={`${paused ? 'Resume' : 'Pause'} ${type}`}
          onClick={() => void flip(paused, type)}
        />
      )}
    </li>
  );
}

export function DispatchPanel() {
  const dispatch = useDispatch();
  const { data: types } = useTypes();
  const may = useMay('operator');
  const flip = useSwitch();
  const data = dispatch.data;
  return (
    <Panel
      title="Dispatch"
      aside={
        may &&
        data && (
          <Button icon={data.paused ? 'play' : 'pause'} onClick={() => void flip(data.paused)}>
            {data.paused ? 'Resume all' : 'Pause all'}
          </Button>
        )
      }
    >
      {dispatch.error && <Trouble error={dispatch.error} again={() => void dispatch.refetch()} />}
      {dispatch.isPending && <Waiting />}
      {data && (
        <>
          <p className="sentence">
            {data.mode === 'automatic'
              ? 'Pending jobs start by themselves'
              : 'Pending jobs start when somebody asks for it'}
            , up to {plural(data.max_running, 'job')} at a time
            {data.max_running_per_host ? `, ${data.max_running_per_host} per host` : ''}.{' '}
            {data.paused && <strong className="warn-text">Paused.</strong>}
          </p>
          <ul className="switches">
            {types?.types.map((type) => (
              <TypeSwitch key={type.entity_type} type={type.entity_type} dispatch={data} />
            ))}
          </ul>
        </>
      )}
    </Panel>
  );
}
