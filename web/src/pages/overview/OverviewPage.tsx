import { useStats } from '../../api/queries';
import type { Stats, Status } from '../../api/types';
import { Link, StatusMark, Trouble, Waiting } from '../../ui/basics';
import { count, duration, percent, roughly } from '../../words';
import { Attention } from './Attention';
import { DispatchPanel } from './DispatchPanel';
import { HistoryPanel } from './HistoryPanel';
import { MonitorPanel } from './MonitorPanel';
import { RunningPanel } from './RunningPanel';

function Tile({ status, value, note }: { status: Status; value: number; note?: string }) {
  return (
    <Link to={`/jobs?status=${status}`} className="tile">
      <StatusMark status={status} />
      <strong>{count(value)}</strong>
      <span className="muted">{note ?? ' '}</span>
    </Link>
  );
}

function stuckNote(stuck: number | null): string | undefined {
  if (stuck === null) return 'not known whether any is stuck';
  return stuck > 0 ? `${stuck} with nothing alive behind` : undefined;
}

function Tiles({ stats }: { stats: Stats }) {
  const oldest = stats.oldest_pending_seconds;
  const rate = stats.success_rate;
  const average = stats.average_duration;
  return (
    <section className="tiles" aria-label="Counts">
      <Tile
        status="pending"
        value={stats.pending_jobs}
        note={oldest !== null ? `oldest waits ${roughly(oldest * 1_000)}` : undefined}
      />
      <Tile
        status="running"
        value={stats.running_jobs}
        note={stuckNote(stats.stuck_running)}
      />
      <Tile
        status="completed"
        value={stats.completed_jobs}
        note={average !== null ? `${duration(average * 1_000)} on average` : undefined}
      />
      <Tile
        status="failed"
        value={stats.failed_jobs}
        note={rate !== null ? `${percent(rate)} succeed` : undefined}
      />
      <Tile status="cancelled" value={stats.cancelled_jobs} />
      <div className="tile">
        <span className="tile-name">Changes found</span>
        <strong>{count(stats.total_changes_detected)}</strong>
        <span className="muted">{count(stats.total_entities_collected)} entities</span>
      </div>
    </section>
  );
}

export function OverviewPage() {
  const stats = useStats();
  return (
    <>
      <div className="page-head">
        <h1>Overview</h1>
      </div>
      {stats.error && <Trouble error={stats.error} again={() => void stats.refetch()} />}
      {stats.isPending && <Waiting />}
      {stats.data && (
        <>
          <Attention stats={stats.data} />
          <Tiles stats={stats.data} />
        </>
      )}
      <RunningPanel />
      <HistoryPanel />
      <div className="two">
        <DispatchPanel />
        <MonitorPanel />
      </div>
    </>
  );
}
