import { useState, type FormEvent } from 'react';
import { keepToken, whoAmI } from '../api/client';
import type { Me } from '../api/types';
import { Button } from '../ui/basics';

export function LoginPage({ onLogin }: { onLogin: (me: Me) => void }) {
  const [token, setToken] = useState('');
  const [refused, setRefused] = useState('');

  async function submit(event: FormEvent) {
    event.preventDefault();
    keepToken(token.trim());
    try {
      onLogin(await whoAmI());
    } catch (error) {
      keepToken(null);
      setRefused(error instanceof Error ? error.message : String(error));
    }
  }

  return (
    <main className="alone">
      <img src="icon.svg" alt="" width="40" height="40" />
      <h1>Log in to forager</h1>
      <form className="login" onSubmit={(event) => void submit(event)}>
        <label className="field">
          <span>Token</span>
          <input
            type="password"
            autoComplete="off"
            autoFocus
            required
            value={token}
            aria-invalid={refused !== ''}
            aria-describedby="login-help"
            onChange={(event) => setToken(event.target.value)}
          />
        </label>
        {refused && (
          <p className="wrong" role="alert">
            {refused}
          </p>
        )}
        <Button look="primary" type="submit">
          Log in
        </Button>
      </form>
      <div id="login-help" className="help">
        <p>
          The first admin token is in <code>admin.token</code> in the server&apos;s data directory. Or open the
          login link the server printed when it started: it works once, for ten minutes.
        </p>
        <p>The token is kept in this tab only and forgotten when you close it.</p>
      </div>
    </main>
  );
}
