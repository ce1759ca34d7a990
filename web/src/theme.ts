// Light, dark, or as the system says. Kept in this browser.
import { useSyncExternalStore } from 'react';

export type Theme = 'system' | 'light' | 'dark';
const KEY = 'forager.theme';
const CHANGED = 'forager:theme';

const read = (): Theme => {
  const kept = localStorage.getItem(KEY);
  return kept === 'light' || kept === 'dark' ? kept : 'system';
};

const systemDark = window.matchMedia('(prefers-color-scheme: dark)');
const isDark = () => read() === 'dark' || (read() === 'system' && systemDark.matches);

export function applyTheme(): void {
  document.documentElement.dataset.theme = isDark() ? 'dark' : 'light';
  window.dispatchEvent(new Event(CHANGED));
}

export function flipTheme(): void {
  localStorage.setItem(KEY, isDark() ? 'light' : 'dark');
  applyTheme();
}

systemDark.addEventListener('change', applyTheme);

export const useDark = (): boolean =>
  useSyncExternalStore((changed) => {
    window.addEventListener(CHANGED, changed);
    return () => window.removeEventListener(CHANGED, changed);
  }, isDark);
