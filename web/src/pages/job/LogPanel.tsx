import { useVirtualizer } from '@tanstack/react-virtual';
import { useEffect, useMemo, useRef, useState, type ReactNode } from 'react';
import { LEVELS, type Level, type LogLine } from '../../api/types';
import { Button, Empty, localTime, Panel, Trouble, Waiting } from '../../ui/basics';
import { useKeys } from '../../ui/keys';
import { useNotes } from '../../ui/toast';
import { count, plural } from '../../words';
import { useLog, wholeLog, type LogWish } from './useLog';

const LINE_PX = 22;

// The text with what is searched for marked.
function Marked({ text, wanted }: { text: string; wanted: string }) {
  if (!wanted) return <>{text}</>;
  const parts: ReactNode[] = [];
  const lower = text.toLowerCase();
  let from = 0;
  for (let at = lower.indexOf(wanted); at >= 0; at = lower.indexOf(wanted, from)) {
    parts.push(text.slice(from, at), <mark key={at}>{text.slice(at, at + wanted.length)}</mark>);
    from = at + wanted.length;
  }
  return (
    <>
      {parts}
      {text.slice(from)}
    </>
  );
}

function Line({ line, wanted }: { line: LogLine; wanted: string }) {
  return (
    <>
      <time dateTime={line.timestamp} title={`${localTime(line.timestamp)}\n${line.timestamp}`}>
        {new Date(line.timestamp).toLocaleTimeString(undefined, { hour12: false })}
      </time>
      <span className="log-attempt muted">#{line.attempt}</span>
      <span className="log-level">{line.level}</span>
      {line.stage && <span className="log-stage muted">{line.stage}</span>}
      <span className="log-text">
        <Marked text={line.message} wanted={wanted} />
        {line.log_data !== null && <span className="muted"> {JSON.stringify(line.log_data)}</span>}
      </span>
    </>
  );
}

interface LinesProps {
  lines: LogLine[];
  follow: boolean;
  wanted: string;
  onLeaveEnd: () => void;
}

function Lines({ lines, follow, wanted, onLeaveEnd }: LinesProps) {
  const box = useRef<HTMLDivElement>(null);
  const rows = useVirtualizer({
    count: lines.length,
    getScrollElement: () => box.current,
    estimateSize: () => LINE_PX,
    overscan: 20,
    getItemKey: (index) => lines[index]?.id ?? index,
  });

  useEffect(() => {
    if (follow && lines.length > 0) rows.scrollToIndex(lines.length - 1, { align: 'end' });
  }, [follow, lines.length, rows]);

  return (
    <div
      className="log"
      ref={box}
      tabIndex={0}
      role="log"
      aria-label="Log lines"
      aria-live="off"
      onWheel={(event) => event.deltaY < 0 && onLeaveEnd()}
    >
      <div className="log-body" style={{ height: rows.getTotalSize() }}>
        {rows.getVirtualItems().map((row) => {
          const line = lines[row.index];
          return (
            line && (
              <div
                key={row.key}
                ref={rows.measureElement}
                data-index={row.index}
                className={`log-line ${line.level.toLowerCase()}`}
                style={{ transform: `translateY(${row.start}px)` }}
              >
                <Line line={line} wanted={wanted} />
              </div>
            )
          );
        })}
      </div>
    </div>
  );
}

function save(id: string, lines: LogLine[]): void {
  const text = lines
    .map((line) => `${line.timestamp} #${line.attempt} ${line.level} ${line.stage ?? '-'} ${line.message}\n`)
    .join('');
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type: 'text/plain' }));
  link.download = `${id}.log`;
  link.click();
  URL.revokeObjectURL(link.href);
}

interface Props {
  id: string;
  running: boolean;
  attempts: number;
}

export function LogPanel({ id, running, attempts }: Props) {
  const [level, setLevel] = useState<Level>('DEBUG');
  const [attempt, setAttempt] = useState<number | null>(null);
  const [stage, setStage] = useState('');
  const [text, setText] = useState('');
  const [follow, setFollow] = useState(true);
  const search = useRef<HTMLInputElement>(null);
  const { complain } = useNotes();
  const wish: LogWish = { id, level, attempt, stage };
  const log = useLog(wish, follow, running);
  const wanted = text.trim().toLowerCase();
  const lines = useMemo(
    () => (wanted ? log.lines.filter((line) => line.message.toLowerCase().includes(wanted)) : log.lines),
    [log.lines, wanted],
  );
  // Stages are known once a line of theirs was seen.
  const seen = useRef(new Set<string>());
  log.lines.forEach((line) => line.stage && seen.current.add(line.stage));
  const stages = [...seen.current].sort();
  // A search looks at the whole log, not only at what was loaded for its end.
  const searching = wanted !== '';
  const { earlier } = log;
  useEffect(() => {
    if (!searching) return;
    let gone = false;
    const readOn = async () => {
      while (!gone && (await earlier())) continue;
    };
    readOn().catch(complain);
    return () => void (gone = true);
  }, [searching, earlier, complain]);

  useKeys({ p: () => setFollow(!follow), '/': () => search.current?.focus() });
  const download = () => wholeLog(wish).then((all) => save(id, all), complain);

  return (
    <Panel
      title="Log"
      aside={
        <>
          <Button icon={follow ? 'pause' : 'play'} hotkey="p" aria-pressed={!follow} onClick={() => setFollow(!follow)}>
            {follow ? 'Pause' : 'Follow'}
          </Button>
          <Button icon="download" onClick={() => void download()}>
            Download
          </Button>
        </>
      }
    >
      <div className="filters log-filters">
        <label className="inline">
          <span>Level</span>
          <select value={level} onChange={(event) => setLevel(event.target.value as Level)}>
            {LEVELS.map((each) => (
              <option key={each} value={each}>
                {each === 'DEBUG' ? 'all' : `${each.toLowerCase()}${each === 'ERROR' ? '' : ' and above'}`}
              </option>
            ))}
          </select>
        </label>
        <label className="inline">
          <span>Attempt</span>
          <select
            value={attempt ?? ''}
            onChange={(event) => setAttempt(event.target.value ? Number(event.target.value) : null)}
          >
            <option value="">all</option>
            {Array.from({ length: attempts }, (_, index) => (
              <option key={index + 1}>{index + 1}</option>
            ))}
          </select>
        </label>
        <label className="inline">
          <span>Stage</span>
          <select value={stage} onChange={(event) => setStage(event.target.value)}>
            <option value="">all</option>
            {stages.map((each) => (
              <option key={each}>{each}</option>
            ))}
          </select>
        </label>
        <input
          ref={search}
          type="search"
          className="log-search"
          aria-label="Search the log"
          placeholder="Search the log"
          value={text}
          onChange={(event) => setText(event.target.value)}
        />
        <span className="muted" role="status">
          {wanted ? `${count(lines.length)} of ${count(log.lines.length)} lines` : plural(Math.max(0, log.total), 'line')}
        </span>
        {log.start > 0 && (
          <Button look="quiet" icon="up" onClick={() => void log.earlier().catch(complain)}>
            {count(log.start)} earlier
          </Button>
        )}
      </div>
      {log.error && <Trouble error={log.error} />}
      {log.total < 0 && !log.error && <Waiting rows={4} />}
      {log.total === 0 && (
        <Empty
          title={
            level !== 'DEBUG' || attempt !== null || stage
              ? 'No line matches'
              : running || attempts === 0
                ? 'It has said nothing yet'
                : 'It said nothing'
          }
        />
      )}
      {log.total > 0 && lines.length === 0 && <Empty title="No line matches" />}
      {lines.length > 0 && <Lines lines={lines} follow={follow} wanted={wanted} onLeaveEnd={() => running && setFollow(false)} />}
    </Panel>
  );
}
