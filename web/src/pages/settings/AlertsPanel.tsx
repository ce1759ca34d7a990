// Alerts that fire or did, who is told of them, and whether the telling works.
import { post } from '../../api/client';
import { useAlerts } from '../../api/queries';
import type { Alert, Delivery, Message } from '../../api/types';
import { Ago, Button, Empty, Panel } from '../../ui/basics';
import { Icon } from '../../ui/Icon';
import { Table } from '../../ui/Table';
import { useAct, useMay } from '../../ui/actions';
import { plural } from '../../words';

const LISTED = 8;

function AlertRow({ alert }: { alert: Alert }) {
  const firing = alert.state === 'firing';
  return (
    <tr>
      <th scope="row" className="wrap">
        {alert.summary} <span className="muted">{alert.rule}</span>
      </th>
      <td data-label="State">
        <span className={`status ${firing ? 'failed' : 'completed'}`}>
          <Icon name={firing ? 'warning' : 'check'} />
          {alert.state}
        </span>
      </td>
      <td data-label="Since">
        <Ago time={alert.started_at} />
      </td>
      <td data-label="Over">
        <Ago time={alert.resolved_at} />
      </td>
      <td data-label="Times" className="right">
        {alert.occurrences}
      </td>
    </tr>
  );
}

function lastOf(deliveries: Delivery[], receiver: string): Delivery | undefined {
  return deliveries.filter((each) => each.receiver === receiver).sort((a, b) => b.id - a.id)[0];
}

function Receiver({ name, kind, last }: { name: string; kind: string; last: Delivery | undefined }) {
  const admin = useMay('admin');
  const act = useAct();
  const test = () =>
    void act(
      () => post<Message>('/alerts/test', undefined, { receiver: name }),
      () => `A test message is on its way to ${name}`,
    );
  return (
    <li>
      <strong>{name}</strong>
      <span className="muted">{kind}</span>
      {last && (
        <span className={last.last_error ? 'wrong-text' : 'muted'}>
          last: {last.event} {last.state} <Ago time={last.done_at ?? last.created_at} />
          {last.last_error && `, ${plural(last.tries, 'try', 'tries')}: ${last.last_error}`}
        </span>
      )}
      <span className="gap" />
      {admin && (
        <Button aria-label={`Send a test to ${name}`} onClick={test}>
          Send a test
        </Button>
      )}
    </li>
  );
}

export function AlertsPanel() {
  const { data } = useAlerts();
  if (!data) return null; // a server that sends none
  const firing = data.alerts.filter((alert) => alert.state === 'firing').length;
  return (
    <Panel title="Alerts" aside={<span className="muted">{firing > 0 ? `${firing} firing` : 'none fires'}</span>}>
      {data.receivers.length === 0 ? (
        <Empty title="Nobody is told">A receiver is a table [alerts.receivers.NAME] in forager.toml.</Empty>
      ) : (
        <ul className="rows" aria-label="Receivers">
          {data.receivers.map((receiver) => (
            <Receiver key={receiver.name} {...receiver} last={lastOf(data.deliveries, receiver.name)} />
          ))}
        </ul>
      )}
      {data.alerts.length > 0 && (
        <Table name="Alerts" className="stacked">
          <thead>
            <tr>
              <th scope="col">What</th>
              <th scope="col">State</th>
              <th scope="col">Since</th>
              <th scope="col">Over</th>
              <th scope="col" className="right">
                Times
              </th>
            </tr>
          </thead>
          <tbody>
            {data.alerts.slice(0, LISTED).map((alert) => (
              <AlertRow key={alert.id} alert={alert} />
            ))}
          </tbody>
        </Table>
      )}
    </Panel>
  );
}
