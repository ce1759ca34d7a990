// The end of a job's log, kept up to date: events say that there is more, the API says what.
import { useCallback, useEffect, useRef, useState } from 'react';
import { get } from '../../api/client';
import { listen } from '../../api/events';
import type { Level, LogLine, Logs } from '../../api/types';

const PIECE = 500;
const MOST_LINES = 20_000;
const MOST_PIECES = 200; // of a download
const GATHER_MS = 250;
const LOOK_AGAIN_MS = 5_000;

export interface LogWish {
  id: string;
  level: Level;
  attempt: number | null;
  stage: string;
}

export interface LogView {
  lines: LogLine[];
  start: number; // how many lines of the log come before the first shown
  total: number;
  error: Error | null;
}

const NOTHING: LogView = { lines: [], start: 0, total: -1, error: null };

function ask(wish: LogWish, offset: number, limit: number): Promise<Logs> {
  const { id, level, attempt, stage } = wish;
  return get<Logs>(`/jobs/${id}/logs`, { level, attempt: attempt ?? undefined, stage, offset, limit });
}

export async function wholeLog(wish: LogWish): Promise<LogLine[]> {
  const lines: LogLine[] = [];
  for (let piece = 0; piece < MOST_PIECES; piece++) {
    const answer = await ask(wish, lines.length, PIECE);
    lines.push(...answer.logs);
    if (answer.logs.length < PIECE) break;
  }
  return lines;
}

// Takes what is new; after a long absence only the end of it.
async function grown(wish: LogWish, view: LogView): Promise<LogView> {
  if (view.total < 0) {
    const { total_logs } = await ask(wish, 0, 1);
    const start = Math.max(0, total_logs - PIECE);
    const { logs } = await ask(wish, start, PIECE);
    return { lines: logs, start, total: start + logs.length, error: null };
  }
  const { logs, total_logs } = await ask(wish, view.total, PIECE);
  if (total_logs < view.total || total_logs > view.total + 4 * PIECE) return grown(wish, NOTHING);
  const lines = [...view.lines, ...logs].slice(-MOST_LINES);
  const next = { lines, start: view.total + logs.length - lines.length, total: view.total + logs.length, error: null };
  return logs.length === PIECE ? grown(wish, next) : next;
}

export function useLog({ id, level, attempt, stage }: LogWish, follow: boolean, running: boolean) {
  const [view, setView] = useState<LogView>(NOTHING);
  const latest = useRef(NOTHING);
  const shown = useRef('');

  const put = useCallback((next: LogView) => {
    latest.current = next;
    setView(next);
  }, []);

  useEffect(() => {
    let gone = false;
    let busy = false;
    let again = false;
    const wish = { id, level, attempt, stage };
    const key = JSON.stringify(wish);
    const other = shown.current !== key;
    shown.current = key;
    if (other) put(NOTHING);

    async function look() {
      busy = true;
      do {
        again = false;
        try {
          const next = await grown(wish, latest.current);
          if (!gone) put(next);
        } catch (error) {
          if (!gone) put({ ...latest.current, error: error as Error });
        }
      } while (again && !gone);
      busy = false;
    }

    function wake() {
      again = true;
      if (!busy) void look();
    }

    if (other || follow) wake();
    if (!follow) return () => void (gone = true);
    let gather = 0;
    const stop = listen({
      types: ['log'],
      jobId: id,
      onEvent: () => {
        window.clearTimeout(gather);
        gather = window.setTimeout(wake, GATHER_MS);
      },
    });
    const timer = window.setInterval(wake, LOOK_AGAIN_MS);
    return () => {
      gone = true;
      stop();
      window.clearTimeout(gather);
      window.clearInterval(timer);
    };
  }, [id, level, attempt, stage, follow, running, put]);

  // The piece before what is there; false when there is none, or no more is kept.
  const earlier = useCallback(async () => {
    const { start } = latest.current;
    const from = Math.max(0, start - PIECE);
    if (start === 0 || latest.current.lines.length >= MOST_LINES) return false;
    const { logs } = await ask({ id, level, attempt, stage }, from, start - from);
    if (latest.current.start !== start) return false;
    put({ ...latest.current, lines: [...logs, ...latest.current.lines], start: from, error: null });
    return from > 0;
  }, [id, level, attempt, stage, put]);

  return { ...view, earlier };
}
