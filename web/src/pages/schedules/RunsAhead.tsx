import type { DueTime } from '../../api/types';
import { Ago } from '../../ui/basics';
import { HERE, ownTime, timeHere } from './scheduleWords';

export function RunsAhead({ runs, zone }: { runs: DueTime[]; zone: string }) {
  return (
    <ol className="runs-ahead">
      {runs.map((run) => (
        <li key={run.at}>
          <span className="run-own">{ownTime(run)}</span>
          {zone !== HERE && <span className="muted run-here">{timeHere(run)} by your clock</span>}
          <span className="muted run-ago">
            <Ago time={run.at} />
          </span>
        </li>
      ))}
    </ol>
  );
}
