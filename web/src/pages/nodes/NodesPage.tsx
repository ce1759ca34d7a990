// The servers that share the database, when there can be several.
import { useState } from 'react';
import { post } from '../../api/client';
import { useNodes } from '../../api/queries';
import type { Node, Status } from '../../api/types';
import { Ago, Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { Confirm } from '../../ui/Confirm';
import { Icon, type IconName } from '../../ui/Icon';
import { Table } from '../../ui/Table';
import { useAct, useMay } from '../../ui/actions';
import { count, plural } from '../../words';

const LOOKS: Record<Node['state'], { tone: Status; icon: IconName }> = {
  live: { tone: 'completed', icon: 'check' },
  draining: { tone: 'cancelled', icon: 'pause' },
  lost: { tone: 'failed', icon: 'cross' },
};

interface RowProps {
  node: Node;
  onDrain: () => void;
  onResume: () => void;
}

function NodeRow({ node, onDrain, onResume }: RowProps) {
  const operator = useMay('operator');
  const look = LOOKS[node.state];
  return (
    <tr>
      <th scope="row" data-column="name">
        {node.name} {node.this && <span className="tag">this one</span>}
      </th>
      <td data-label="State">
        <span className={`status ${look.tone}`}>
          <Icon name={look.icon} />
          {node.state}
        </span>
      </td>
      <td data-label="Slots in use">
        <span className="confidence">
          {count(node.running)} of {count(node.capacity)}
          <span className="limit-bar" aria-hidden="true">
            <span style={{ width: `${node.capacity > 0 ? Math.min(100, (node.running / node.capacity) * 100) : 0}%` }} />
          </span>
        </span>
      </td>
      <td data-label="Last heard">
        <Ago time={node.heartbeat_at} />
      </td>
      <td data-label="Up since">
        <Ago time={node.started_at} />
      </td>
      <td data-label="Version">{node.version}</td>
      <td className="right row-actions">
        {operator && node.state === 'live' && (
          <Button aria-label={`Drain ${node.name}`} onClick={onDrain}>
            Drain
          </Button>
        )}
        {operator && node.state === 'draining' && (
          <Button aria-label={`Resume ${node.name}`} onClick={onResume}>
            Resume
          </Button>
        )}
      </td>
    </tr>
  );
}

export function NodesPage() {
  const nodes = useNodes(3_000);
  const act = useAct();
  const [draining, setDraining] = useState<Node | null>(null);
  const list = nodes.data?.nodes ?? [];
  return (
    <>
      <div className="page-head">
        <h1>Nodes</h1>
      </div>
      {nodes.error && <Trouble error={nodes.error} again={() => void nodes.refetch()} />}
      {nodes.isPending && <Waiting rows={4} />}
      {nodes.data && list.length === 0 && <Empty title="No node has reported yet" />}
      {list.length > 0 && (
        <Panel title={plural(list.length, 'node')}>
          <Table name="Nodes" className="stacked">
            <thead>
              <tr>
                <th scope="col">Node</th>
                <th scope="col">State</th>
                <th scope="col">Slots in use</th>
                <th scope="col">Last heard</th>
                <th scope="col">Up since</th>
                <th scope="col">Version</th>
                <th scope="col" className="right">
                  <span className="hidden">Actions</span>
                </th>
              </tr>
            </thead>
            <tbody>
              {list.map((node) => (
                <NodeRow
                  key={node.node_id}
                  node={node}
                  onDrain={() => setDraining(node)}
                  onResume={() =>
                    void act(
                      () => post<Node>(`/nodes/${encodeURIComponent(node.node_id)}/resume`),
                      () => `${node.name} starts jobs again`,
                    )
                  }
                />
              ))}
            </tbody>
          </Table>
        </Panel>
      )}
      {draining && (
        <Confirm
          title={`Drain ${draining.name}?`}
          action="Drain"
          onClose={() => setDraining(null)}
          onConfirm={() =>
            act(
              () => post<Node>(`/nodes/${encodeURIComponent(draining.node_id)}/drain`),
              () => `${draining.name} drains: it starts no new job`,
            )
          }
        >
          It starts no new job until it is resumed. {plural(draining.running, 'running job')} may end there first.
        </Confirm>
      )}
    </>
  );
}
