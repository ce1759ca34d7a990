import { Fragment } from 'react';
import type { Attempt, JsonObject } from '../../api/types';
import { useNow } from '../../clock';
import { Ago, Button, StatusMark } from '../../ui/basics';
import { Table } from '../../ui/Table';
import { bytes, duration, plural, signalName } from '../../words';
import { endOf, kindOf, outcomeOf, startOf } from './attempts';
import { Snapshot } from './Snapshot';

interface Props {
  attempts: Attempt[];
  chosen: number | null;
  onChoose: (attempt: number | null) => void;
}

function exitWords(attempt: Attempt): string {
  if (attempt.signal !== null) return signalName(attempt.signal);
  return attempt.exit_code !== null ? `exit ${attempt.exit_code}` : '–';
}

function cpuWords(attempt: Attempt): string {
  if (attempt.cpu_user_ms === null) return '–';
  return duration(attempt.cpu_user_ms + (attempt.cpu_system_ms ?? 0));
}

function treeWords(attempt: Attempt): string {
  if (attempt.released_at) {
    return attempt.survivors ? `gone, ${plural(attempt.survivors, 'survivor')} killed` : 'gone';
  }
  return attempt.ended_at ? 'not yet proven gone' : 'alive';
}

function Detail({ attempt, snapshot }: { attempt: Attempt; snapshot: JsonObject | null }) {
  return (
    <div className="attempt-detail">
      {attempt.error_message && <p className="error-text">{attempt.error_message}</p>}
      <p className="muted">
        {attempt.node && `On ${attempt.node}. `}
        {attempt.pid !== null && `Process ${attempt.pid}. `}
        {attempt.cpu_user_ms !== null &&
          `CPU: ${duration(attempt.cpu_user_ms)} user, ${duration(attempt.cpu_system_ms ?? 0)} system.`}
      </p>
      {snapshot && <Snapshot snapshot={snapshot} />}
    </div>
  );
}

export function AttemptList({ attempts, chosen, onChoose }: Props) {
  const now = useNow();
  return (
    <Table name="Attempts" className="stacked">
      <thead>
        <tr>
          <th scope="col">Attempt</th>
          <th scope="col">Outcome</th>
          <th scope="col">Started</th>
          <th scope="col" className="right">
            Took
          </th>
          <th scope="col">End</th>
          <th scope="col" className="right">
            CPU
          </th>
          <th scope="col" className="right">
            Peak memory
          </th>
          <th scope="col">Processes</th>
        </tr>
      </thead>
      <tbody>
        {[...attempts].reverse().map((attempt) => {
          const open = chosen === attempt.attempt;
          return (
            <Fragment key={attempt.attempt}>
              <tr className={open ? 'chosen' : ''}>
                <th scope="row">
                  <Button
                    look="quiet"
                    icon={open ? 'down' : 'right'}
                    aria-expanded={open}
                    aria-label={`Attempt ${attempt.attempt}`}
                    onClick={() => onChoose(open ? null : attempt.attempt)}
                  >
                    {attempt.attempt}
                  </Button>
                </th>
                <td data-label="Outcome">
                  <StatusMark status={kindOf(attempt)} detail={kindOf(attempt) === 'failed' ? outcomeOf(attempt) : undefined} />
                </td>
                <td data-label="Started">
                  <Ago time={attempt.started_at} />
                </td>
                <td data-label="Took" className="right">
                  {attempt.started_at ? duration(endOf(attempt, now) - startOf(attempt)) : '–'}
                </td>
                <td data-label="End">{exitWords(attempt)}</td>
                <td data-label="CPU" className="right">{cpuWords(attempt)}</td>
                <td data-label="Peak memory" className="right">
                  {attempt.max_rss_kb !== null ? bytes(attempt.max_rss_kb * 1024) : '–'}
                </td>
                <td data-label="Processes">
                  {treeWords(attempt)} {attempt.snapshot && <span className="tag">snapshot</span>}
                </td>
              </tr>
              {open && (
                <tr className="detail">
                  <td colSpan={8}>
                    <Detail attempt={attempt} snapshot={attempt.snapshot} />
                  </td>
                </tr>
              )}
            </Fragment>
          );
        })}
      </tbody>
    </Table>
  );
}
