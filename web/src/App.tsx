import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useRef, useState } from 'react';
import { ApiError } from './api/client';
import { useLive } from './api/live';
import { useMe } from './api/queries';
import { ChangesPage } from './pages/changes/ChangesPage';
import { NodesPage } from './pages/nodes/NodesPage';
import { SchedulePage } from './pages/schedules/SchedulePage';
import { SchedulesPage } from './pages/schedules/SchedulesPage';
import { JobPage } from './pages/job/JobPage';
import { JobsPage } from './pages/jobs/JobsPage';
import { CreateDialog } from './pages/jobs/CreateDialog';
import { LoginPage } from './pages/LoginPage';
import { OverviewPage } from './pages/overview/OverviewPage';
import { SettingsPage } from './pages/settings/SettingsPage';
import { navigate, useRoute, type Route } from './route';
import { Empty, Link, Trouble, Waiting } from './ui/basics';
import { KeysSheet } from './ui/KeysSheet';
import { Palette } from './ui/Palette';
import { usePlaces, type Place } from './ui/places';
import { Shell } from './ui/Shell';
import { useKeys } from './ui/keys';
import { usePaletteKey } from './ui/usePaletteKey';

type Open = 'none' | 'palette' | 'keys' | 'create';

function Page() {
  const route = useRoute();
  switch (route.page) {
    case 'overview':
      return <OverviewPage />;
    case 'jobs':
      return <JobsPage words={route.words} />;
    case 'job':
      return <JobPage key={route.id} id={route.id} />;
    case 'changes':
      return <ChangesPage words={route.words} />;
    case 'schedules':
      return <SchedulesPage />;
    case 'schedule':
      return <SchedulePage key={route.name} name={route.name} />;
    case 'nodes':
      return <NodesPage />;
    case 'settings':
      return <SettingsPage />;
    case 'unknown':
      return (
        <Empty title="There is no such page">
          <Link to="/">Go to the overview</Link>
        </Empty>
      );
  }
}

// The tab is named after the page, and a reader of the screen is led to it.
function useArrival(route: Route, places: Place[]) {
  const own = route.page === 'job' ? route.id : route.page === 'schedule' ? route.name : '';
  const name = own || (places.find((place) => place.pages.includes(route.page))?.name ?? 'No such page');
  const first = useRef(true);
  useEffect(() => {
    document.title = `${name} · forager`;
  }, [name]);
  useEffect(() => {
    if (!first.current) document.getElementById('content')?.focus({ preventScroll: true });
    first.current = false;
  }, [route.page, own]);
}

function Inside() {
  const live = useLive();
  const places = usePlaces();
  useArrival(useRoute(), places);
  const [open, setOpen] = useState<Open>('none');
  const close = () => setOpen('none');
  usePaletteKey(() => setOpen('palette'));
  useKeys({
    '?': () => setOpen('keys'),
    n: () => setOpen('create'),
    ...Object.fromEntries(places.map((place, index) => [String(index + 1), () => navigate(place.to)])),
  });
  return (
    <>
      <Shell
        live={live}
        onPalette={() => setOpen('palette')}
        onKeys={() => setOpen('keys')}
        onCreate={() => setOpen('create')}
      >
        <Page />
      </Shell>
      {open === 'palette' && (
        <Palette onClose={close} onKeys={() => setOpen('keys')} onCreate={() => setOpen('create')} />
      )}
      {open === 'keys' && <KeysSheet onClose={close} />}
      {open === 'create' && <CreateDialog onClose={close} />}
    </>
  );
}

export function App() {
  const me = useMe();
  const client = useQueryClient();
  if (me.data) return <Inside />;
  if (me.error instanceof ApiError && me.error.status === 401) {
    return <LoginPage onLogin={(known) => client.setQueryData(['me'], known)} />;
  }
  return (
    <main className="alone">
      <h1 className="brand-name">forager</h1>
      {me.error ? <Trouble error={me.error} again={() => void me.refetch()} /> : <Waiting />}
    </main>
  );
}
