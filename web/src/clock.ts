// One clock for the page: everything that says "ago" ticks together, once a second.
import { useSyncExternalStore } from 'react';

let now = Date.now();
const readers = new Set<() => void>();
let timer = 0;

function subscribe(reader: () => void): () => void {
  readers.add(reader);
  if (!timer) {
    timer = window.setInterval(() => {
      now = Date.now();
      readers.forEach((read) => read());
    }, 1_000);
  }
  return () => {
    readers.delete(reader);
    if (readers.size === 0) {
      window.clearInterval(timer);
      timer = 0;
    }
  };
}

export const useNow = (): number => useSyncExternalStore(subscribe, () => now);
