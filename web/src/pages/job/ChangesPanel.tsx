import { useState } from 'react';
import { useChanges } from '../../api/queries';
import { Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { count } from '../../words';
import { ChangeTable } from '../changes/ChangeTable';

export function ChangesPanel({ id }: { id: string }) {
  const [page, setPage] = useState(1);
  const changes = useChanges(id, page);
  const total = changes.data?.total ?? 0;
  const size = changes.data?.page_size ?? 20;
  return (
    <Panel
      title="Changes found"
      aside={
        total > size && (
          <>
            <span className="muted">
              {count((page - 1) * size + 1)}–{count(Math.min(total, page * size))} of {count(total)}
              {changes.data?.total_capped ? ' and more' : ''}
            </span>
            <Button
              icon="left"
              aria-label="Previous changes"
              disabled={page === 1}
              onClick={() => setPage(page - 1)}
            />
            <Button
              icon="right"
              aria-label="Next changes"
              disabled={page * size >= total}
              onClick={() => setPage(page + 1)}
            />
          </>
        )
      }
    >
      {changes.error && <Trouble error={changes.error} again={() => void changes.refetch()} />}
      {changes.isPending && <Waiting rows={2} />}
      {changes.data && total === 0 && <Empty title="It proposed no change" />}
      {changes.data && total > 0 && <ChangeTable changes={changes.data.changes} />}
    </Panel>
  );
}
