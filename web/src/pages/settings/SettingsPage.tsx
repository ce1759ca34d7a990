import { useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';
import { keepToken, post } from '../../api/client';
import { useConfig, useMe, useMonitor, useTypes } from '../../api/queries';
import type { EntityType, Message, Monitor } from '../../api/types';
import { Ago, Button, Empty, Panel, Trouble, Waiting } from '../../ui/basics';
import { FactList } from '../../ui/FactList';
import { Table } from '../../ui/Table';
import { useMay } from '../../ui/actions';
import { useNotes } from '../../ui/toast';
import { bytes, duration } from '../../words';
import { AlertsPanel } from './AlertsPanel';
import { TokensPanel } from './TokensPanel';

function AccountPanel() {
  const { data: me } = useMe();
  const client = useQueryClient();
  const { complain } = useNotes();
  if (!me) return null;

  async function leave() {
    try {
      if (me?.auth === 'session') await post<Message>('/logout');
      keepToken(null);
      await client.resetQueries({ queryKey: ['me'] });
    } catch (error) {
      complain(error);
    }
  }

  const how = { token: 'by a token', session: 'by a login link', off: 'without logging in' }[me.auth];
  return (
    <Panel
      title="You"
      aside={me.auth !== 'off' && <Button onClick={() => void leave()}>Log out</Button>}
    >
      <FactList
        facts={[
          ['Name', me.name],
          ['Role', me.role],
          ['Here', how],
          ['Times are in', Intl.DateTimeFormat().resolvedOptions().timeZone],
          ['Server', `forager ${me.version}`],
          [
            'Made with',
            <a key="made" href="licences.txt">
              other people&apos;s work
            </a>,
          ],
        ]}
      />
    </Panel>
  );
}

function MonitorFacts({ monitor }: { monitor: Monitor }) {
  return (
    <FactList
      facts={[
        ['State', monitor.enabled ? 'on' : 'off'],
        ['Looks every', duration(monitor.interval_seconds * 1_000)],
        ['Default timeout', duration(monitor.timeout_minutes * 60_000)],
        ['Last run', <Ago key="last" time={monitor.last_run} />],
        ['Next run', <Ago key="next" time={monitor.next_run} />],
        ['Jobs reset', monitor.reset_total],
      ]}
    />
  );
}

function TypeRow({ type }: { type: EntityType }) {
  return (
    <tr>
      <th scope="row">{type.entity_type}</th>
      <td>{type.collector}</td>
      <td className="right">{duration(type.timeout_minutes * 60_000)}</td>
      <td className="right">{duration(type.heartbeat_timeout_seconds * 1_000)}</td>
      <td className="right">{duration(type.stall_timeout_seconds * 1_000)}</td>
      <td className="right">{duration(type.grace_seconds * 1_000)}</td>
      <td className="right">{type.max_attempts}</td>
      <td className="right">{duration(type.backoff_seconds * 1_000)}</td>
      <td className="right">{bytes(type.memory_bytes)}</td>
      <td className="right">{type.max_running ?? 'no limit'}</td>
      <td className="right">{type.priority}</td>
    </tr>
  );
}

const TYPE_HEADS = ['Timeout', 'Heartbeat', 'Stall', 'Grace', 'Attempts', 'Backoff', 'Memory', 'At once', 'Priority'];

function TypesPanel() {
  const types = useTypes();
  return (
    <Panel title="Entity types">
      {types.error && <Trouble error={types.error} again={() => void types.refetch()} />}
      {types.isPending && <Waiting />}
      {types.data && (
        <Table name="Entity types">
          <thead>
            <tr>
              <th scope="col">Type</th>
              <th scope="col">Collector</th>
              {TYPE_HEADS.map((head) => (
                <th key={head} scope="col" className="right">
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {types.data.types.map((type) => (
              <TypeRow key={type.entity_type} type={type} />
            ))}
          </tbody>
        </Table>
      )}
    </Panel>
  );
}

function ConfigPanel() {
  const config = useConfig();
  const [text, setText] = useState('');
  const [changed, setChanged] = useState(false);
  const wanted = text.trim().toLowerCase();
  const all = config.data?.settings ?? [];
  const shown = all.filter(
    (setting) =>
      (!changed || setting.source !== 'default') &&
      `${setting.name} ${setting.value} ${setting.source}`.toLowerCase().includes(wanted),
  );
  return (
    <Panel
      title="Configuration in effect"
      aside={
        <>
          <label className="check">
            <input type="checkbox" checked={changed} onChange={(event) => setChanged(event.target.checked)} />
            <span>Only what is set</span>
          </label>
          <input
            type="search"
            aria-label="Find a setting"
            placeholder="Find a setting"
            value={text}
            onChange={(event) => setText(event.target.value)}
          />
        </>
      }
    >
      {config.error && <Trouble error={config.error} again={() => void config.refetch()} />}
      {config.isPending && <Waiting />}
      {config.data && shown.length === 0 && (
        <Empty title={changed && !wanted ? 'Everything is as it comes' : 'No setting matches'} />
      )}
      {shown.length > 0 && (
        <Table name="Configuration" className="settings stacked">
          <thead>
            <tr>
              <th scope="col">Setting</th>
              <th scope="col">Value</th>
              <th scope="col">Where it comes from</th>
            </tr>
          </thead>
          <tbody>
            {shown.map((setting) => (
              <tr key={setting.name} className={setting.source === 'default' ? '' : 'set'}>
                <th scope="row">
                  <code>{setting.name}</code>
                </th>
                <td data-label="Value" className="break">
                  <code>{setting.value || '–'}</code>
                </td>
                <td data-label="From" className="muted">
                  {setting.source}
                </td>
              </tr>
            ))}
          </tbody>
        </Table>
      )}
    </Panel>
  );
}

export function SettingsPage() {
  const monitor = useMonitor();
  const admin = useMay('admin');
  return (
    <>
      <div className="page-head">
        <h1>Settings</h1>
      </div>
      <div className="two">
        <AccountPanel />
        <Panel title="Monitor">{monitor.data ? <MonitorFacts monitor={monitor.data} /> : <Waiting />}</Panel>
      </div>
      <AlertsPanel />
      {admin && <TokensPanel />}
      <TypesPanel />
      <ConfigPanel />
    </>
  );
}
