// Proposed changes, old and new side by side; of one job or of all.
import { asText } from '../../api/client';
import type { Change, Json, JsonObject } from '../../api/types';
import { Ago, Link } from '../../ui/basics';
import { Table } from '../../ui/Table';
import { WebLink } from '../../ui/WebLink';
import { percent } from '../../words';

const KINDS: Record<string, string> = { added: 'added', modified: 'changed', removed: 'removed' };

const shown = (value: Json) => (value === null ? <span className="muted">nothing</span> : asText(value));

function Entity({ data }: { data: JsonObject }) {
  return (
    <dl className="entity">
      {Object.entries(data).map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd className="break">{shown(value)}</dd>
        </div>
      ))}
    </dl>
  );
}

function hostOf(address: string): string {
  try {
    return new URL(address).host || address;
  } catch {
    return address;
  }
}

function Source({ change }: { change: Change }) {
  const quote = change.evidence?.quote ?? change.evidence?.text ?? change.evidence?.path;
  return (
    <>
      {change.source_url ? (
        <WebLink to={change.source_url}>{hostOf(change.source_url)}</WebLink>
      ) : (
        <span className="muted">not named</span>
      )}
      {quote !== undefined && <span className="muted evidence">{asText(quote)}</span>}
    </>
  );
}

function Confidence({ value }: { value: number }) {
  return (
    <span className="confidence">
      {percent(value)}
      <span className="limit-bar" aria-hidden="true">
        <span style={{ width: `${Math.min(1, Math.max(0, value)) * 100}%` }} />
      </span>
    </span>
  );
}

interface Props {
  changes: Change[];
  withJob?: boolean;
  at?: number;
}

export function ChangeTable({ changes, withJob = false, at = -1 }: Props) {
  return (
    <Table name="Changes" className="changes">
      <thead>
        <tr>
          <th scope="col">What</th>
          <th scope="col">Old</th>
          <th scope="col">New</th>
          <th scope="col">Confidence</th>
          <th scope="col">Source</th>
          <th scope="col">Review</th>
          {withJob && <th scope="col">Found by</th>}
        </tr>
      </thead>
      <tbody>
        {changes.map((change, index) => (
          <tr key={change.id} className={index === at ? 'at' : ''}>
            <th scope="row" data-column="what">
              <span className="change-field">{change.is_new_entity ? 'New entity' : change.field_name}</span>
              <span className="muted">
                {change.entity_type} {change.entity_id}
                {!change.is_new_entity && ` · ${KINDS[change.change_type] ?? change.change_type}`}
              </span>
            </th>
            <td className="old break" data-label="Old">
              {change.is_new_entity ? <span className="muted">not known before</span> : shown(change.old_value)}
            </td>
            <td className="new break" data-label="New">
              {change.is_new_entity ? <Entity data={change.proposed_entity_data ?? {}} /> : shown(change.new_value)}
            </td>
            <td data-label="Confidence">
              <Confidence value={change.confidence} />
            </td>
            <td data-label="Source">
              <Source change={change} />
            </td>
            <td data-label="Review">
              <span className="tag">{change.status}</span>
            </td>
            {withJob && (
              <td data-label="Found by">
                <Link to={`/jobs/${change.job_id}`} className="mono">
                  {change.job_id}
                </Link>
                <span className="muted when">
                  <Ago time={change.created_at} />
                </span>
              </td>
            )}
          </tr>
        ))}
      </tbody>
    </Table>
  );
}
