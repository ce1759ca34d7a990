import { useState, type ReactNode } from 'react';
import { Button } from './basics';
import { Dialog } from './Dialog';

interface Props {
  title: string;
  action: string;
  onConfirm: () => Promise<unknown>;
  onClose: () => void;
  children: ReactNode;
}

// Asks before something that cannot be taken back.
export function Confirm({ title, action, onConfirm, onClose, children }: Props) {
  const [busy, setBusy] = useState(false);

  async function confirm() {
    setBusy(true);
    await onConfirm();
    onClose();
  }

  return (
    <Dialog title={title} onClose={onClose}>
      <p>{children}</p>
      <footer>
        <Button data-first onClick={onClose}>
          Not now
        </Button>
        <Button look="danger" disabled={busy} onClick={() => void confirm()}>
          {action}
        </Button>
      </footer>
    </Dialog>
  );
}
