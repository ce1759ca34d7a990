// Every request of the page goes through here: base address, token or session, problems as errors.
import { address } from '../route';
import type { FieldError, Json, Me } from './types';

const BASE = address('/v1/admin/collection');
const TOKEN_KEY = 'forager.token';

export class ApiError extends Error {
  constructor(
    readonly status: number,
    detail: string,
    readonly fields: FieldError[] = [],
  ) {
    super(detail);
  }
}

let csrf: string | null = null;

// The token lives as long as the tab, so that a closed one leaves nothing behind.
export function keepToken(token: string | null): void {
  if (token) sessionStorage.setItem(TOKEN_KEY, token);
  else sessionStorage.removeItem(TOKEN_KEY);
}

export function authHeaders(): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_KEY);
  if (token) return { Authorization: `Bearer ${token}` };
  return csrf ? { 'X-CSRF-Token': csrf } : {};
}

export type Query = Record<string, string | number | boolean | undefined>;

export function url(path: string, query: Query = {}): string {
  const words = new URLSearchParams();
  for (const [name, value] of Object.entries(query)) {
    if (value !== undefined && value !== '') words.set(name, String(value));
  }
  const text = words.toString();
  return BASE + path + (text ? `?${text}` : '');
}

async function problem(response: Response): Promise<ApiError> {
  try {
    const body = (await response.json()) as { detail?: string; errors?: FieldError[] };
    return new ApiError(response.status, body.detail ?? response.statusText, body.errors);
  } catch {
    return new ApiError(response.status, `The server answered ${response.status}.`);
  }
}

async function request<T>(
  method: string,
  path: string,
  query: Query,
  body: object | undefined,
  signal?: AbortSignal,
): Promise<T> {
  let response: Response;
  try {
    response = await fetch(url(path, query), {
      method,
      signal,
      headers: { ...authHeaders(), ...(body ? { 'Content-Type': 'application/json' } : {}) },
      body: body ? JSON.stringify(body) : undefined,
    });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new ApiError(0, 'The server cannot be reached.');
  }
  if (!response.ok) throw await problem(response);
  return (await response.json()) as T;
}

export function get<T>(path: string, query: Query = {}, signal?: AbortSignal): Promise<T> {
  return request<T>('GET', path, query, undefined, signal);
}

export function post<T>(path: string, body?: object, query: Query = {}): Promise<T> {
  return request<T>('POST', path, query, body);
}

export function patch<T>(path: string, body: object): Promise<T> {
  return request<T>('PATCH', path, {}, body);
}

export function remove<T>(path: string): Promise<T> {
  return request<T>('DELETE', path, {}, undefined);
}

export async function whoAmI(): Promise<Me> {
  const me = await get<Me>('/me');
  csrf = me.csrf_token;
  return me;
}

export function asText(value: Json): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
