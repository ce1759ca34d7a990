import { useState, type FormEvent } from 'react';
import { post, remove } from '../../api/client';
import { useTokens } from '../../api/queries';
import type { CreatedToken, Message, Role, Token } from '../../api/types';
import { Ago, Button, Panel, Trouble, Waiting } from '../../ui/basics';
import { Confirm } from '../../ui/Confirm';
import { Dialog } from '../../ui/Dialog';
import { Table } from '../../ui/Table';
import { useAct } from '../../ui/actions';
import { useNotes } from '../../ui/toast';

const ROLE_WORDS: Record<Role, string> = {
  viewer: 'viewer: reads',
  operator: 'operator: also runs, retries and cancels',
  admin: 'admin: also deletes and manages tokens',
  metrics: 'metrics: reads /metrics only',
};

function NewToken({ onMade, onClose }: { onMade: (token: CreatedToken) => void; onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const act = useAct();

  async function submit(event: FormEvent) {
    event.preventDefault();
    const made = await act(
      () => post<CreatedToken>('/tokens', { name: name.trim(), role }),
      () => `Made the token ${name.trim()}`,
    );
    if (made) onMade(made);
  }

  return (
    <Dialog title="New token" onClose={onClose}>
      <form className="form" onSubmit={(event) => void submit(event)}>
        <label className="field">
          <span>Name</span>
          <input data-first required maxLength={100} value={name} onChange={(event) => setName(event.target.value)} />
        </label>
        <label className="field">
          <span>Role</span>
          <select value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {Object.entries(ROLE_WORDS).map(([value, words]) => (
              <option key={value} value={value}>
                {words}
              </option>
            ))}
          </select>
        </label>
        <footer>
          <Button onClick={onClose}>Not now</Button>
          <Button look="primary" type="submit">
            Make the token
          </Button>
        </footer>
      </form>
    </Dialog>
  );
}

function ShowToken({ token, onClose }: { token: CreatedToken; onClose: () => void }) {
  const { tell, complain } = useNotes();
  const copy = () =>
    navigator.clipboard.writeText(token.token).then(() => tell('Copied the token'), complain);
  return (
    <Dialog title={`The token ${token.name}`} onClose={onClose}>
      <p>It is shown this once. Keep it where secrets are kept.</p>
      <p className="secret">
        <code>{token.token}</code>
        <Button icon="copy" onClick={() => void copy()}>
          Copy
        </Button>
      </p>
      <footer>
        <Button look="primary" onClick={onClose}>
          I have kept it
        </Button>
      </footer>
    </Dialog>
  );
}

function TokenRow({ token, onRevoke }: { token: Token; onRevoke: () => void }) {
  return (
    <tr>
      <th scope="row">{token.name}</th>
      <td data-label="Role">{token.role}</td>
      <td data-label="Made">
        <Ago time={token.created_at} />
      </td>
      <td data-label="Last used">{token.last_used_at ? <Ago time={token.last_used_at} /> : <span className="muted">never</span>}</td>
      <td className="right">
        {token.revoked_at ? (
          <span className="muted">
            revoked <Ago time={token.revoked_at} />
          </span>
        ) : (
          <Button aria-label={`Revoke ${token.name}`} onClick={onRevoke}>
            Revoke
          </Button>
        )}
      </td>
    </tr>
  );
}

export function TokensPanel() {
  const tokens = useTokens(true);
  const act = useAct();
  const [open, setOpen] = useState<'none' | 'new' | CreatedToken>('none');
  const [revoking, setRevoking] = useState<Token | null>(null);
  const close = () => setOpen('none');

  return (
    <Panel
      title="Tokens"
      aside={
        <Button icon="plus" onClick={() => setOpen('new')}>
          New token
        </Button>
      }
    >
      {tokens.error && <Trouble error={tokens.error} again={() => void tokens.refetch()} />}
      {tokens.isPending && <Waiting />}
      {tokens.data && (
        <Table name="Tokens" className="stacked">
          <thead>
            <tr>
              <th scope="col">Name</th>
              <th scope="col">Role</th>
              <th scope="col">Made</th>
              <th scope="col">Last used</th>
              <th scope="col" className="right">
                Action
              </th>
            </tr>
          </thead>
          <tbody>
            {tokens.data.tokens.map((token) => (
              <TokenRow key={token.id} token={token} onRevoke={() => setRevoking(token)} />
            ))}
          </tbody>
        </Table>
      )}
      {open === 'new' && <NewToken onMade={setOpen} onClose={close} />}
      {typeof open === 'object' && <ShowToken token={open} onClose={close} />}
      {revoking && (
        <Confirm
          title={`Revoke ${revoking.name}?`}
          action="Revoke"
          onClose={() => setRevoking(null)}
          onConfirm={() =>
            act(
              () => remove<Message>(`/tokens/${revoking.id}`),
              (answer) => answer.message,
            )
          }
        >
          Whoever uses it is refused from now on. This cannot be taken back.
        </Confirm>
      )}
    </Panel>
  );
}
