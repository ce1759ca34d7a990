import type { ReactNode } from 'react';
import type { StreamState } from '../api/events';
import { useMe, useStats } from '../api/queries';
import { useRoute } from '../route';
import { flipTheme, useDark } from '../theme';
import { count } from '../words';
import { Button, Link } from './basics';
import { Icon } from './Icon';
import { useMay } from './actions';
import { usePlaces } from './places';

interface Props {
  live: StreamState;
  onPalette: () => void;
  onKeys: () => void;
  onCreate: () => void;
  children: ReactNode;
}

const LIVE_WORDS: Record<StreamState, string> = {
  connecting: 'Connecting',
  live: 'Live',
  lost: 'Connection lost, retrying',
  resting: 'Resting',
};

function Navigation() {
  const { page } = useRoute();
  const places = usePlaces();
  const { data: stats } = useStats();
  return (
    <nav aria-label="Pages">
      {places.map((place, index) => (
        <Link
          key={place.to}
          to={place.to}
          className="place"
          title={`${place.name} (${index + 1})`}
          current={place.pages.includes(page)}
        >
          <Icon name={place.icon} />
          <span>{place.name}</span>
          {place.to === '/jobs' && stats && <span className="number">{count(stats.total_jobs)}</span>}
        </Link>
      ))}
    </nav>
  );
}

export function Shell({ live, onPalette, onKeys, onCreate, children }: Props) {
  const { data: me } = useMe();
  const dark = useDark();
  const mayCreate = useMay('operator');
  return (
    <div className="shell">
      <a className="skip" href={`${location.pathname}${location.search}#content`}>
        Skip to the content
      </a>
      <aside className="side" aria-label="forager">
        <Link to="/" className="brand" label="forager, overview">
          <img src="icon.svg" alt="" width="22" height="22" />
          <span className="brand-name">forager</span>
        </Link>
        <button type="button" className="finder" aria-label="Find or do" onClick={onPalette} aria-keyshortcuts="Control+K">
          <Icon name="search" />
          <span>Find or do</span>
          <kbd aria-hidden="true">Ctrl K</kbd>
        </button>
        <Navigation />
        <div className="side-foot">
          <p className={`live ${live}`} role="status">
            <span className="dot" aria-hidden="true" />
            {LIVE_WORDS[live]}
          </p>
          <p className="who muted">
            {me?.name} · {me?.role}
          </p>
          <div className="side-tools">
            {mayCreate && (
              <Button look="quiet" icon="plus" aria-label="New job (n)" title="New job (n)" onClick={onCreate} />
            )}
            <Button
              look="quiet"
              icon={dark ? 'sun' : 'moon'}
              aria-label={dark ? 'Light theme' : 'Dark theme'}
              title={dark ? 'Light theme' : 'Dark theme'}
              onClick={flipTheme}
            />
            <Button look="quiet" icon="keyboard" aria-label="Keys (?)" title="Keys (?)" onClick={onKeys} />
            <a className="button quiet bare" href="docs" aria-label="API documentation" title="API documentation">
              <Icon name="book" />
            </a>
          </div>
        </div>
      </aside>
      {live === 'lost' && (
        <p className="lost" role="alert">
          <Icon name="warning" /> Connection lost, retrying. What you see may be old.
        </p>
      )}
      <main id="content" tabIndex={-1}>
        {children}
      </main>
    </div>
  );
}
