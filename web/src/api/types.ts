// The answers of the public API, as /openapi.json describes them.

export const STATUSES = ['pending', 'running', 'completed', 'failed', 'cancelled'] as const;
export type Status = (typeof STATUSES)[number];
export type Role = 'metrics' | 'viewer' | 'operator' | 'admin';
export type Json = null | boolean | number | string | Json[] | { [key: string]: Json };
export type JsonObject = { [key: string]: Json };

export interface Progress {
  percent: number | null;
  stage: string | null;
  message: string | null;
  updated_at: string | null;
}

export interface Job {
  job_id: string;
  entity_type: string;
  job_type: string;
  entity_id: string | null;
  search_query: string | null;
  target_url: string | null;
  search_filters: JsonObject | null;
  location: string | null;
  community_id: string | null;
  builder_id: string | null;
  priority: number;
  run_at: string | null;
  max_attempts: number | null;
  timeout_minutes: number | null;
  parent_job_id: string | null;
  initiated_by: string | null;
  unique_key: string | null;
  status: Status;
  attempt: number;
  items_found: number;
  changes_detected: number;
  approved_changes: number;
  new_entities_found: number;
  unreadable_events: number;
  progress: Progress;
  error_message: string | null;
  error_class: string | null;
  created_at: string;
  started_at: string | null;
  completed_at: string | null;
  updated_at: string;
  node: string | null;
  lease_expires_at: string | null;
  cancel_requested_at: string | null;
  next_run_at: string | null;
}

export interface JobList {
  jobs: Job[];
  total: number;
  total_capped?: boolean;
  page: number | null;
  page_size: number;
  next_cursor: string | null;
}

export interface Attempt {
  attempt: number;
  node: string | null;
  pid: number | null;
  started_at: string | null;
  ended_at: string | null;
  released_at: string | null;
  outcome: string | null;
  error_class: string | null;
  error_message: string | null;
  exit_code: number | null;
  signal: number | null;
  cpu_user_ms: number | null;
  cpu_system_ms: number | null;
  max_rss_kb: number | null;
  survivors: number | null;
  snapshot: JsonObject | null;
}

export const LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;
export type Level = (typeof LEVELS)[number];

export interface LogLine {
  id: number;
  timestamp: string;
  attempt: number;
  level: Level;
  stage: string | null;
  message: string;
  log_data: Json;
}

export interface Logs {
  logs: LogLine[];
  total_logs: number;
  limit: number;
  offset: number;
}

export interface Change {
  id: number;
  job_id: string;
  attempt: number;
  entity_type: string;
  entity_id: string | null;
  is_new_entity: boolean;
  proposed_entity_data: JsonObject | null;
  field_name: string | null;
  old_value: Json;
  new_value: Json;
  change_type: string;
  status: string;
  confidence: number;
  source_url: string | null;
  evidence: JsonObject | null;
  created_at: string;
}

export interface Changes {
  changes: Change[];
  total: number;
  total_capped?: boolean;
  page: number | null;
  page_size: number;
}

export interface AllChanges extends Omit<Changes, 'total_capped'> {
  total_capped?: boolean;
  next_cursor: string | null;
}

export interface LimitLeft {
  limit_seconds: number;
  left_seconds: number | null; // null: this clock rests
}

export interface LiveAttempt {
  job_id: string;
  attempt: number;
  stopping: boolean;
  deadline: LimitLeft;
  heartbeat: LimitLeft;
  stall: LimitLeft;
  speaks: boolean;
  signs_of_life: string;
}

export const RANGES = ['1h', '24h', '30d'] as const;
export type Range = (typeof RANGES)[number];

export interface HistoryFigures {
  submitted: number;
  completed: number;
  failed: number;
  cancelled: number;
  retried: number;
  reset: number;
  run_time_p50: number | null;
  run_time_p95: number | null;
  wait_p50: number | null;
  wait_p95: number | null;
}

export interface History {
  range: Range;
  bucket_seconds: number;
  from: string;
  to: string;
  buckets: (HistoryFigures & { at: string })[];
  totals: HistoryFigures;
}

export const OVERLAPS = ['skip', 'queue', 'cancel_old'] as const;
export const MISSED = ['once', 'none', 'all'] as const;

export interface DueTime {
  at: string;
  local: string;
}

export interface Schedule {
  id: number;
  name: string;
  cron: string | null;
  run_at: string | null;
  time_zone: string;
  words: string;
  overlap: (typeof OVERLAPS)[number];
  missed: (typeof MISSED)[number];
  max_catch_up: number;
  paused: boolean;
  job: JsonObject;
  next_run_at: string | null;
  last_due_at: string | null;
  waiting: string | null; // why it is due and makes no job yet
  last_result: 'submitted' | 'skipped' | 'missed' | null;
  last_job_id: string | null;
  active_jobs: number;
  submitted: number;
  skipped: number;
  missed_runs: number;
  created_at: string;
  updated_at: string;
  next_runs?: DueTime[];
}

export interface ScheduleRun {
  due_at: string;
  at: string;
  kind: 'due' | 'catch_up' | 'manual';
  result: 'submitted' | 'skipped' | 'missed';
  job_id: string | null;
  message: string | null;
}

export interface Preview {
  words: string;
  next_runs: DueTime[];
}

export interface Node {
  node_id: string;
  name: string;
  boot_id: string;
  version: string;
  started_at: string;
  heartbeat_at: string;
  state: 'live' | 'draining' | 'lost';
  running: number;
  capacity: number;
  this: boolean; // the one that answers
}

export interface Alert {
  id: number;
  rule: string;
  kind: string;
  subject: string;
  severity: string;
  summary: string;
  detail: string;
  state: 'firing' | 'resolved';
  occurrences: number;
  started_at: string;
  last_seen_at: string;
  resolved_at: string | null;
}

export interface Delivery {
  id: number;
  alert_id: number | null;
  receiver: string;
  event: string;
  state: string;
  tries: number;
  last_error: string | null;
  created_at: string;
  next_try_at: string | null;
  done_at: string | null;
}

export interface Alerts {
  alerts: Alert[];
  deliveries: Delivery[];
  receivers: { name: string; kind: string }[];
}

export interface Explanation {
  status: Status;
  reasons: { code: string; message: string }[];
}

export interface Stats {
  total_jobs: number;
  pending_jobs: number;
  running_jobs: number;
  completed_jobs: number;
  failed_jobs: number;
  cancelled_jobs: number;
  success_rate: number | null;
  average_duration: number | null;
  total_entities_collected: number;
  total_changes_detected: number;
  oldest_pending_seconds: number | null;
  stuck_running: number | null;
}

export interface Monitor {
  enabled: boolean;
  interval_seconds: number;
  timeout_minutes: number;
  last_run: string | null;
  reset_last_run: number;
  reset_total: number;
  next_run: string | null;
  last_error: string | null;
  recent_resets: { job_id: string; at: string }[];
}

export interface Dispatch {
  mode: 'on_request' | 'automatic';
  max_running: number;
  max_running_per_host: number | null;
  max_running_per_type: Record<string, number>;
  paused: boolean;
  paused_types: string[];
}

export interface Limits {
  timeout_minutes: number;
  heartbeat_timeout_seconds: number;
  heartbeat_set: boolean;
  stall_timeout_seconds: number;
  grace_seconds: number;
  memory_bytes: number;
  max_processes: number;
  max_scratch_bytes: number;
  priority: number;
  max_attempts: number;
  max_crashes: number;
  backoff_seconds: number;
  max_running: number | null;
}

export interface EntityType extends Limits {
  entity_type: string;
  collector: string;
}

export interface Types {
  types: EntityType[];
  defaults: Limits;
}

export interface Config {
  version: string;
  settings: { name: string; value: string; source: string }[];
}

export interface Me {
  name: string;
  role: Role;
  auth: 'token' | 'session' | 'off';
  csrf_token: string | null;
  version: string;
}

export interface Token {
  id: number;
  name: string;
  role: Role;
  created_at: string;
  last_used_at: string | null;
  revoked_at: string | null;
}

export interface CreatedToken extends Token {
  token: string;
}

export interface BulkResult {
  message: string;
  dry_run: boolean;
  matched_count: number;
  affected_count: number;
  skipped_running: number;
  job_ids: string[];
}

export interface JobFilter {
  status?: Status[];
  entity_type?: string;
  job_type?: string;
  q?: string;
  parent_job_id?: string;
  created_after?: string;
  created_before?: string;
}

export interface FieldError {
  field: string;
  message: string;
}

export interface Message {
  message: string;
}

export interface ExecutePending extends Message {
  total_pending: number;
  started: number;
  job_ids: string[];
}

export interface ResetStuck extends Message {
  reset_count: number;
  job_ids: string[];
}
