// Short notes on what an action did, read out politely. Kept until read or ten seconds old.
import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from 'react';
import { Button } from './basics';
import { Icon } from './Icon';

interface Note {
  id: number;
  text: string;
  bad: boolean;
}

const KEEP_MS = 10_000;
const MOST = 4;
let lastId = 0;

interface Notes {
  tell: (text: string) => void;
  complain: (error: unknown) => void;
}

const NotesContext = createContext<Notes>({ tell: () => {}, complain: () => {} });

export const useNotes = () => useContext(NotesContext);

export function NotesProvider({ children }: { children: ReactNode }) {
  const [notes, setNotes] = useState<Note[]>([]);
  const drop = useCallback(
    (id: number) => setNotes((all) => all.filter((note) => note.id !== id)),
    [],
  );
  const add = useCallback(
    (text: string, bad: boolean) => {
      const id = ++lastId;
      setNotes((all) => [...all.slice(1 - MOST), { id, text, bad }]);
      window.setTimeout(() => drop(id), KEEP_MS);
    },
    [drop],
  );
  const value = useMemo<Notes>(
    () => ({
      tell: (text) => add(text, false),
      complain: (error) => add(error instanceof Error ? error.message : String(error), true),
    }),
    [add],
  );

  return (
    <NotesContext value={value}>
      {children}
      <div className="notes" role="status" aria-live="polite">
        {notes.map((note) => (
          <div key={note.id} className={note.bad ? 'note bad' : 'note'}>
            <Icon name={note.bad ? 'warning' : 'check'} />
            <span>{note.text}</span>
            <Button look="quiet" icon="close" aria-label="Dismiss" onClick={() => drop(note.id)} />
          </div>
        ))}
      </div>
    </NotesContext>
  );
}
