// The address bar as state: which page, and its words. src/dashboard/dashboard.cc serves the same addresses.
import { useSyncExternalStore } from 'react';

export type Route =
  | { page: 'overview' }
  | { page: 'jobs'; words: URLSearchParams }
  | { page: 'job'; id: string }
  | { page: 'changes'; words: URLSearchParams }
  | { page: 'schedules' }
  | { page: 'schedule'; name: string }
  | { page: 'nodes' }
  | { page: 'settings' }
  | { page: 'unknown' };

const MOVED = 'forager:moved';

// Where a proxy serves us on its host: "" or "/forager".
const root = new URL(document.baseURI).pathname.slice(0, -1);

export function address(to: string): string {
  return root + to;
}

export function navigate(place: string, replace = false): void {
  const to = address(place);
  if (to === location.pathname + location.search) return;
  if (replace) history.replaceState(null, '', to);
  else history.pushState(null, '', to);
  window.dispatchEvent(new Event(MOVED));
  if (!replace) window.scrollTo(0, 0);
}

function under(place: string, pathname: string): string | undefined {
  const id = new RegExp(`^/${place}/([^/]+)$`).exec(pathname)?.[1];
  return id && decodeURIComponent(id);
}

function parse(href: string): Route {
  const { pathname: path, searchParams } = new URL(href);
  const pathname = path.slice(root.length) || '/';
  switch (pathname) {
    case '/':
      return { page: 'overview' };
    case '/jobs':
      return { page: 'jobs', words: searchParams };
    case '/changes':
      return { page: 'changes', words: searchParams };
    case '/schedules':
    case '/nodes':
    case '/settings':
      return { page: pathname.slice(1) as 'schedules' | 'nodes' | 'settings' };
  }
  const id = under('jobs', pathname);
  if (id) return { page: 'job', id };
  const name = under('schedules', pathname);
  return name ? { page: 'schedule', name } : { page: 'unknown' };
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
