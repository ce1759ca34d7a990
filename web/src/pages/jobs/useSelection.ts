// Which jobs are chosen: by click, by range with Shift, or all that match the filter.
import { useState } from 'react';
import type { JobFilter } from '../../api/types';

export type Chosen = { ids: string[] } | { filter: JobFilter; total: number; capped: boolean };

const MOST = 10_000; // ids in one bulk request

export function useSelection(idsBetween: (from: number, to: number) => Promise<string[]>) {
  const [ids, setIds] = useState<Set<string>>(new Set());
  const [all, setAll] = useState<Extract<Chosen, { filter: JobFilter }> | null>(null);
  const [last, setLast] = useState<number | null>(null);

  async function toggle(index: number, id: string, range: boolean) {
    const on = all !== null || !ids.has(id);
    const touched =
      range && last !== null && last !== index
        ? await idsBetween(Math.min(last, index), Math.max(last, index))
        : [id];
    setAll(null);
    setIds((before) => {
      const next = new Set(all ? [] : before);
      for (const each of touched.slice(0, MOST)) {
        if (on || touched.length > 1) next.add(each);
        else next.delete(each);
      }
      return next;
    });
    setLast(index);
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
    toggle,
    chooseAll: (filter: JobFilter, total: number, capped: boolean) => setAll({ filter, total, capped }),
    clear,
  };
}

export type Selection = ReturnType<typeof useSelection>;
