import { patch, post } from '../../api/client';
import type { Job, Schedule } from '../../api/types';
import { useAct } from '../../ui/actions';

export function useScheduleActions() {
  const act = useAct();
  return {
    run: (schedule: Schedule) =>
      void act(
        () => post<Job>(`/schedules/${schedule.id}/run`),
        (job) => `${schedule.name} made ${job.job_id}`,
      ),
    flip: (schedule: Schedule) =>
      void act(
        () => patch<Schedule>(`/schedules/${schedule.id}`, { paused: !schedule.paused }),
        () => `${schedule.name} is ${schedule.paused ? 'resumed' : 'paused'}`,
      ),
  };
}
