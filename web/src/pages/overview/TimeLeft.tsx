import { useTypes } from '../../api/queries';
import type { Job } from '../../api/types';
import { useNow } from '../../clock';
import { roughly } from '../../words';
import { limitsOf } from './limits';

const SOON = 0.15;

export function TimeLeft({ job }: { job: Job }) {
  const { data: types } = useTypes();
  const now = useNow();
  return (
    <span className="limits">
      {limitsOf(job, types).map((limit) => {
        const left = limit.at - now;
        return (
          <span key={limit.name} className={left < limit.of * SOON ? 'limit soon' : 'limit'}>
            <span className="muted">{limit.name}</span> {left > 0 ? `in ${roughly(left)}` : 'reached'}
          </span>
        );
      })}
    </span>
  );
}
