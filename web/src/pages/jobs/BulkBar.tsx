import { Button } from '../../ui/basics';
import { useMay } from '../../ui/actions';
import { useKeys } from '../../ui/keys';
import { plural } from '../../words';
import type { BulkAction } from './BulkDialog';
import type { Chosen } from './useSelection';

interface Props {
  chosen: Chosen;
  whole: () => void;
  matching: string;
  onAction: (action: BulkAction) => void;
  onClear: () => void;
}

export function BulkBar({ chosen, whole, matching, onAction, onClear }: Props) {
  const operator = useMay('operator');
  const admin = useMay('admin');
  const all = 'filter' in chosen;
  useKeys({
    r: operator && (() => onAction('start')),
    t: operator && (() => onAction('retry')),
    c: operator && (() => onAction('cancel')),
    Delete: admin && (() => onAction('delete')),
    a: whole,
    Escape: onClear,
  });
  return (
    <div className="bulk" role="region" aria-label="Selection">
      <strong aria-live="polite">{all ? `All ${matching}` : plural(chosen.ids.length, 'job')} selected</strong>
      {!all && (
        <Button look="quiet" hotkey="a" onClick={whole}>
          Select all {matching}
        </Button>
      )}
      <span className="gap" />
      {operator && (
        <>
          <Button icon="play" hotkey="r" onClick={() => onAction('start')}>
            Run
          </Button>
          <Button icon="retry" hotkey="t" onClick={() => onAction('retry')}>
            Retry
          </Button>
          <Button icon="ban" hotkey="c" onClick={() => onAction('cancel')}>
            Cancel
          </Button>
        </>
      )}
      {admin && (
        <Button icon="trash" hotkey="Del" onClick={() => onAction('delete')}>
          Delete
        </Button>
      )}
      <Button look="quiet" icon="close" aria-label="Select nothing" onClick={onClear} />
    </div>
  );
}
