// What a hung attempt was doing when it was stopped.
import type { Json, JsonObject } from '../../api/types';
import { duration } from '../../words';

const ms = (value: Json | undefined) => (typeof value === 'number' ? duration(value) : 'unknown');
const text = (value: Json | undefined) =>
  value === undefined || value === null ? '–' : typeof value === 'string' ? value : JSON.stringify(value);

const isObject = (value: Json): value is JsonObject =>
  value !== null && typeof value === 'object' && !Array.isArray(value);

export function Snapshot({ snapshot }: { snapshot: JsonObject }) {
  const processes = (Array.isArray(snapshot.processes) ? snapshot.processes : []).filter(isObject);
  const sockets = Array.isArray(snapshot.sockets) ? snapshot.sockets : [];
  return (
    <section className="snapshot" aria-label="Hang snapshot">
      <h3>What it was doing when it hung</h3>
      <p>
        At {text(snapshot.percent)}%, stage {text(snapshot.stage)}. It ran for {ms(snapshot.age_ms)}, was silent for{' '}
        {ms(snapshot.silent_ms)} and made no progress for {ms(snapshot.no_progress_ms)}.
        {typeof snapshot.url === 'string' && ` It was at ${snapshot.url}.`}
      </p>
      {typeof snapshot.signs_of_life === 'string' && <p>{snapshot.signs_of_life}</p>}
      <ul>
        {processes.map((process) => (
          <li key={text(process.pid)}>
            <code>
              {text(process.pid)} {text(process.name)}
            </code>{' '}
            state {text(process.state)}
            {process.wait_channel !== undefined && `, waits in ${text(process.wait_channel)}`}
            {process.system_call !== undefined && `, system call ${text(process.system_call)}`}
            {process.stack !== undefined && <pre>{text(process.stack)}</pre>}
          </li>
        ))}
      </ul>
      {sockets.length > 0 && <p>Open connections: {sockets.map(text).join(', ')}</p>}
    </section>
  );
}
