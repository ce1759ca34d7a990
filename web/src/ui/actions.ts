// What people do to jobs: each says what happened and refreshes what it touched.
import { useQueryClient } from '@tanstack/react-query';
import { useCallback } from 'react';
import { useMe } from '../api/queries';
import type { Role } from '../api/types';
import { useNotes } from './toast';

const RANK: Record<Role, number> = { metrics: -1, viewer: 0, operator: 1, admin: 2 };

export function useMay(role: Role): boolean {
  const { data } = useMe();
  return data !== undefined && RANK[data.role] >= RANK[role];
}

// Runs a request; the answer's sentence, or `said`, is told, an error is complained about.
export function useAct() {
  const client = useQueryClient();
  const { tell, complain } = useNotes();
  return useCallback(
    async <T>(request: () => Promise<T>, said: (answer: T) => string): Promise<T | undefined> => {
      try {
        const answer = await request();
        tell(said(answer));
        return answer;
      } catch (error) {
        complain(error);
        return undefined;
      } finally {
        void client.invalidateQueries({ predicate: (query) => query.queryKey[0] !== 'me' });
      }
    },
    [client, tell, complain],
  );
}
