// Server-sent events by fetch, since EventSource can send no token. Resumes with Last-Event-ID, waits
// longer after each failure, and rests while the tab is hidden: browsers allow few streams per server.
import { authHeaders, url } from './client';

export type StreamState = 'connecting' | 'live' | 'lost' | 'resting';

export interface EventWish {
  types: string[];
  jobId?: string;
  onEvent: (type: string, data: string) => void;
  onState?: (state: StreamState) => void;
}

const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 10_000;
const SILENCE_MS = 40_000; // the server says something every 15 s
const HIDDEN_MS = 30_000;

export function listen(wish: EventWish): () => void {
  let lastId = '';
  let failures = 0;
  let closed = false;
  let abort = new AbortController();
  let connected = false;
  let retryTimer = 0;
  let restTimer = 0;

  const say = (state: StreamState) => !closed && wish.onState?.(state);

  function retry() {
    if (closed || document.hidden) return;
    say('lost');
    const wait = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** failures++);
    retryTimer = window.setTimeout(() => void connect(), wait * (0.75 + Math.random() / 2));
  }

  function take(frame: string) {
    let type = 'message';
    const data: string[] = [];
    for (const line of frame.split('\n')) {
      if (line.startsWith('id: ')) lastId = line.slice(4);
      else if (line.startsWith('event: ')) type = line.slice(7);
      else if (line.startsWith('data: ')) data.push(line.slice(6));
    }
    if (data.length > 0) wish.onEvent(type, data.join('\n'));
  }

  async function read(body: ReadableStream<Uint8Array>, own: AbortController) {
    const decoder = new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>;
    const reader = body.pipeThrough(decoder).getReader();
    let text = '';
    let watch = 0;
    for (;;) {
      window.clearTimeout(watch);
      watch = window.setTimeout(() => own.abort(), SILENCE_MS);
      const { value, done } = await reader.read();
      if (done) break;
      text += value;
      for (let end = text.indexOf('\n\n'); end >= 0; end = text.indexOf('\n\n')) {
        take(text.slice(0, end));
        text = text.slice(end + 2);
      }
    }
    window.clearTimeout(watch);
  }

  async function connect() {
    const own = new AbortController();
    abort = own;
    connected = true;
    try {
      const query = { types: wish.types.join(','), job_id: wish.jobId };
      const headers: Record<string, string> = { ...authHeaders(), Accept: 'text/event-stream' };
      if (lastId) headers['Last-Event-ID'] = lastId;
      const response = await fetch(url('/events', query), { headers, signal: own.signal });
      if (!response.ok || !response.body) throw new Error(String(response.status));
      failures = 0;
      say('live');
      await read(response.body, own);
    } catch {
      // Whatever ended the stream, it is opened again.
    }
    connected = false;
    retry();
  }

  function rest() {
    window.clearTimeout(restTimer);
    if (!document.hidden) {
      window.clearTimeout(retryTimer);
      if (!connected) void connect();
      return;
    }
    restTimer = window.setTimeout(() => {
      abort.abort();
      say('resting');
    }, HIDDEN_MS);
  }

  document.addEventListener('visibilitychange', rest);
  say('connecting');
  void connect();
  return () => {
    closed = true;
    document.removeEventListener('visibilitychange', rest);
    window.clearTimeout(retryTimer);
    window.clearTimeout(restTimer);
    abort.abort();
  };
}
