import { useState } from 'react';
import { asText } from '../../api/client';
import { useChanges } from '../../api/queries';
import type { Change } from '../../api/types';
import { Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { count, percent } from '../../words';

const shown = (value: Change['old_value']) => (value === null ? '–' : asText(value));

function NewValue({ change }: { change: Change }) {
  if (!change.is_new_entity) return <span className="break">{shown(change.new_value)}</span>;
  return (
    <dl className="entity">
      {Object.entries(change.proposed_entity_data ?? {}).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="break">{shown(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function ChangeRow({ change }: { change: Change }) {
  return (
    <tr>
      <th scope="row">
        {change.is_new_entity ? 'new' : change.field_name}{' '}
        <span className="muted">
          {change.entity_type} {change.entity_id}
        </span>
      </th>
      <td className="muted break">{change.is_new_entity ? '–' : shown(change.old_value)}</td>
      <td>
        <NewValue change={change} />
      </td>
      <td className="right">{percent(change.confidence)}</td>
      <td>
        {change.source_url ? (
          <a href={change.source_url} target="_blank" rel="noreferrer noopener" className="break">
            {change.source_url}
          </a>
        ) : (
          '–'
        )}
      </td>
      <td>{change.status}</td>
    </tr>
  );
}

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
      {total > 0 && (
        <div className="scroll" tabIndex={0} role="region" aria-label="Changes table">
          <table className="changes">
            <thead>
              <tr>
                <th scope="col">What</th>
                <th scope="col">Old</th>
                <th scope="col">New</th>
                <th scope="col" className="right">
                  Confidence
                </th>
                <th scope="col">Source</th>
                <th scope="col">Review</th>
              </tr>
            </thead>
            <tbody>
              {changes.data?.changes.map((change) => (
                <ChangeRow key={change.id} change={change} />
              ))}
            </tbody>
          </table>
        </div>
      )}
    </Panel>
  );
}
