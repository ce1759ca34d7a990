// The pages of the navigation, in the order of their keys. Nodes and schedules are there when the server
// knows of them.
import { ApiError } from '../api/client';
import { useNodes, useSchedules } from '../api/queries';
import type { Route } from '../route';
import type { IconName } from './Icon';

export interface Place {
  to: string;
  name: string;
  icon: IconName;
  pages: Route['page'][];
}

const PLACES: Place[] = [
  { to: '/', name: 'Overview', icon: 'overview', pages: ['overview'] },
  { to: '/jobs', name: 'Jobs', icon: 'jobs', pages: ['jobs', 'job'] },
  { to: '/changes', name: 'Changes', icon: 'changes', pages: ['changes'] },
  { to: '/schedules', name: 'Schedules', icon: 'clock', pages: ['schedules', 'schedule'] },
  { to: '/nodes', name: 'Nodes', icon: 'nodes', pages: ['nodes'] },
  { to: '/settings', name: 'Settings', icon: 'settings', pages: ['settings'] },
];

const isMissing = (error: Error | null) => error instanceof ApiError && error.status === 404;

export function usePlaces(): Place[] {
  const nodes = useNodes();
  const schedules = useSchedules();
  return PLACES.filter(
    ({ to }) => (to !== '/nodes' || nodes.data) && (to !== '/schedules' || !isMissing(schedules.error)),
  );
}
