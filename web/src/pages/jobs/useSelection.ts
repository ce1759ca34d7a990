// Which jobs are chosen: by click, by range with Shift, or all that match the filter.
import { useState } from 'react';
import type { JobFilter } from '../../api/types';

export type Chosen = { ids: string[] } | { filter: JobFilter; total: number; capped: boolean };

export function useSelection(shown: string[]) {
  const [ids, setIds] = useState<Set<string>>(new Set());
  const [all, setAll] = useState<Extract<Chosen, { filter: JobFilter }> | null>(null);
  const [last, setLast] = useState<string | null>(null);

  function toggle(id: string, range: boolean) {
    const next = new Set(all ? shown : ids);
    const on = !next.has(id);
    const from = range && last ? shown.indexOf(last) : -1;
    const to = shown.indexOf(id);
    const touched = from >= 0 ? shown.slice(Math.min(from, to), Math.max(from, to) + 1) : [id];
    for (const each of touched) {
      if (on) next.add(each);
      else next.delete(each);
    }
    setAll(null);
    setIds(next);
    setLast(id);
  }

  function toggleShown() {
    const complete = shown.length > 0 && shown.every((id) => ids.has(id));
    const next = new Set(ids);
    for (const id of shown) {
      if (complete || all) next.delete(id);
      else next.add(id);
    }
    setAll(null);
    setIds(next);
  }

  function clear() {
    setAll(null);
    setIds(new Set());
    setLast(null);
  }

  const chosen: Chosen | null = all ?? (ids.size > 0 ? { ids: [...ids] } : null);
  return {
    chosen,
    has: (id: string) => all !== null || ids.has(id),
    shownChosen: all !== null || (shown.length > 0 && shown.every((id) => ids.has(id))),
    toggle,
    toggleShown,
    chooseAll: (filter: JobFilter, total: number, capped: boolean) => setAll({ filter, total, capped }),
    clear,
  };
}
