// Where somebody is in the list: which rows are in sight, the page in the address that says so, and whether
// what they see is still how it is.
import { useEffect, useMemo, useRef, useState, type RefObject } from 'react';
import { useListChanges } from '../../api/live';
import { navigate } from '../../route';
import { useRows } from './JobTable';
import { address, asQuery, DEEPEST, PAGE, type ListWords } from './listWords';
import { useJobPages } from './useJobPages';

const SETTLE_MS = 250;

// Refreshes by itself at the top. Further down the rows stay where they are until somebody asks.
function useFreshness(atTop: boolean, refresh: () => void): boolean {
  const changes = useListChanges();
  const seen = useRef(changes);
  const [stale, setStale] = useState(false);
  useEffect(() => {
    if (changes === seen.current && !(stale && atTop)) return;
    seen.current = changes;
    if (atTop) refresh();
    setStale(!atTop);
  }, [changes, atTop, refresh, stale]);
  return stale;
}

export function usePlace(words: ListWords, box: RefObject<HTMLDivElement | null>, height: number) {
  const [view, setView] = useState({ first: (words.page - 1) * PAGE, last: words.page * PAGE - 1 });
  const filterKey = address({ ...words, page: 1 });
  // The key is all of the words but the page.
  const query = useMemo(() => asQuery(words), [filterKey]);
  const pages = useJobPages(query, view.first, view.last);
  const rows = useRows(box, pages.count, height, view.first);
  const items = rows.getVirtualItems();
  const first = items[0]?.index ?? view.first;
  const last = items.at(-1)?.index ?? view.last;
  const top = Math.floor((rows.scrollOffset ?? 0) / height);
  const stale = useFreshness(top === 0, pages.refresh);

  useEffect(() => {
    if (items.length > 0 && (first !== view.first || last !== view.last)) setView({ first, last });
  }, [first, last, items.length, view]);

  // Another filter or order is another list; the same one keeps its place in the address.
  const shown = useRef(filterKey);
  useEffect(() => {
    if (shown.current === filterKey) return;
    shown.current = filterKey;
    rows.scrollToOffset((words.page - 1) * PAGE * height);
  }, [filterKey, rows, words.page, height]);

  useEffect(() => {
    const page = Math.min(DEEPEST, Math.floor(top / PAGE) + 1);
    if (page === words.page || items.length === 0) return;
    const timer = window.setTimeout(() => navigate(address({ ...words, page }), true), SETTLE_MS);
    return () => window.clearTimeout(timer);
  });

  return { pages, rows, top, stale, filterKey };
}
