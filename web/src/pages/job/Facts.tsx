import type { Job } from '../../api/types';
import { Ago, Panel } from '../../ui/basics';
import { FactList, type Fact } from '../../ui/FactList';
import { WebLink } from '../../ui/WebLink';
import { count } from '../../words';

export function Facts({ job }: { job: Job }) {
  const facts: Fact[] = [
    ['Created', <Ago key="created" time={job.created_at} />],
    ['Started', <Ago key="started" time={job.started_at} />],
    ['Finished', <Ago key="finished" time={job.completed_at} />],
    ['Priority', job.priority],
    ['Items found', count(job.items_found)],
    ['Changes', count(job.changes_detected)],
  ];
  if (job.status === 'pending' && job.next_run_at) facts.splice(2, 1, ['Next run', <Ago key="next" time={job.next_run_at} />]);
  if (job.unreadable_events) facts.push(['Unreadable events', `${count(job.unreadable_events)} (warnings in the log say why)`]);
  if (job.search_query) facts.push(['Query', job.search_query]);
  if (job.target_url) {
    facts.push(['Address', <WebLink key="address" to={job.target_url} className="break" />]);
  }
  if (job.entity_id) facts.push(['Entity', job.entity_id]);
  if (job.timeout_minutes !== null) facts.push(['Own timeout', `${job.timeout_minutes} min`]);
  if (job.max_attempts !== null) facts.push(['Attempts at most', job.max_attempts]);
  if (job.unique_key) facts.push(['Unique key', <code key="key">{job.unique_key}</code>]);
  if (job.initiated_by) facts.push(['By', job.initiated_by]);
  if (job.search_filters) {
    facts.push([
      'Filters',
      <code key="filters" className="break">
        {JSON.stringify(job.search_filters)}
      </code>,
    ]);
  }
  return (
    <Panel title="The job">
      <FactList facts={facts} look="list" />
    </Panel>
  );
}
