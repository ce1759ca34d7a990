// The address bar as state: which page, and its words. src/dashboard/dashboard.cc serves the same addresses.
import { useSyncExternalStore } from 'react';

export type Route =
  | { page: 'overview' }
  | { page: 'jobs'; words: URLSearchParams }
  | { page: 'job'; id: string }
  | { page: 'settings' }
  | { page: 'unknown' };

const MOVED = 'forager:moved';

export function navigate(to: string, replace = false): void {
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

function parse(address: string): Route {
  const { pathname, searchParams } = new URL(address);
  const id = /^\/jobs\/([^/]+)$/.exec(pathname)?.[1];
  if (pathname === '/') return { page: 'overview' };
  if (pathname === '/jobs') return { page: 'jobs', words: searchParams };
  if (pathname === '/settings') return { page: 'settings' };
  return id ? { page: 'job', id: decodeURIComponent(id) } : { page: 'unknown' };
}

function subscribe(moved: () => void): () => void {
  window.addEventListener('popstate', moved);
  window.addEventListener(MOVED, moved);
  return () => {
    window.removeEventListener('popstate', moved);
    window.removeEventListener(MOVED, moved);
  };
}

export function useRoute(): Route {
  return parse(useSyncExternalStore(subscribe, () => location.href));
}
