// The create form's text, turned into the body the API wants. What it refuses comes back per field.
import type { Job, JsonObject } from '../../api/types';

export const FIELDS = [
  'entity_type',
  'job_type',
  'search_query',
  'target_url',
  'entity_id',
  'location',
  'community_id',
  'builder_id',
  'search_filters',
  'priority',
  'run_at',
  'max_attempts',
  'timeout_minutes',
  'parent_job_id',
  'unique_key',
] as const;
export type Field = (typeof FIELDS)[number];
export type Form = Record<Field, string>;

const NUMBERS: readonly Field[] = ['priority', 'max_attempts', 'timeout_minutes'];

export const EMPTY: Form = Object.fromEntries(FIELDS.map((field) => [field, ''])) as Form;

// These three are kept inside search_filters and echoed at the top; sent twice they would be refused.
const ECHOED = ['location', 'community_id', 'builder_id'];

export function formOf(job: Job): Form {
  const form = { ...EMPTY };
  for (const field of FIELDS) {
    const value = job[field];
    if (value === null || field === 'run_at' || field === 'unique_key') continue;
    form[field] = typeof value === 'object' ? JSON.stringify(value, null, 2) : String(value);
  }
  const filters = Object.entries(job.search_filters ?? {}).filter(([name]) => !ECHOED.includes(name));
  form.search_filters = filters.length > 0 ? JSON.stringify(Object.fromEntries(filters), null, 2) : '';
  return form;
}

export function bodyOf(form: Form): { body: JsonObject } | { wrong: { field: Field; message: string } } {
  const body: JsonObject = { initiated_by: 'dashboard' };
  for (const field of FIELDS) {
    const text = form[field].trim();
    if (text === '') continue;
    if (field === 'search_filters') {
      try {
        body[field] = JSON.parse(text) as JsonObject;
      } catch {
        return { wrong: { field, message: 'is not JSON' } };
      }
    } else if (field === 'run_at') {
      body[field] = new Date(text).toISOString();
    } else {
      body[field] = NUMBERS.includes(field) ? Number(text) : text;
    }
  }
  return { body };
}

// The form's filters as an object; null while the text is not one.
export function filtersOf(form: Form): JsonObject | null {
  if (form.search_filters.trim() === '') return {};
  try {
    const filters: unknown = JSON.parse(form.search_filters);
    return filters !== null && typeof filters === 'object' && !Array.isArray(filters) ? (filters as JsonObject) : null;
  } catch {
    return null;
  }
}

export function withFilter(form: Form, name: string, value: string): Form {
  const { [name]: _, ...rest } = filtersOf(form) ?? {};
  const filters = value === '' ? rest : { ...rest, [name]: Number(value) };
  return { ...form, search_filters: Object.keys(filters).length > 0 ? JSON.stringify(filters, null, 2) : '' };
}
