// True at a phone's width, the same as in the style sheets.
import { useSyncExternalStore } from 'react';

const narrow = window.matchMedia('(max-width: 760px)');

export const usePhone = (): boolean =>
  useSyncExternalStore(
    (changed) => {
      narrow.addEventListener('change', changed);
      return () => narrow.removeEventListener('change', changed);
    },
    () => narrow.matches,
  );
