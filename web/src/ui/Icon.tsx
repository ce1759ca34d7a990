const PATHS = {
  overview: 'M3 3h4.5v6H3zM8.5 3H13v3.5H8.5zM8.5 8H13v5H8.5zM3 10.5h4.5V13H3z',
  jobs: 'M3 4h10M3 8h10M3 12h6',
  settings: 'M3 4.5h6M12 4.5h1M3 11.5h1M7 11.5h6M10.5 2.8v3.4M5.5 9.8v3.4',
  search: 'M7 11.5a4.5 4.5 0 1 0 0-9 4.5 4.5 0 0 0 0 9zM10.4 10.4 13.5 13.5',
  plus: 'M8 3v10M3 8h10',
  close: 'M4 4l8 8M12 4l-8 8',
  check: 'M3.5 8.5l3 3 6-7',
  cross: 'M4.5 4.5l7 7M11.5 4.5l-7 7',
  circle: 'M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10z',
  arc: 'M8 3a5 5 0 1 1-5 5',
  ban: 'M8 13A5 5 0 1 0 8 3a5 5 0 0 0 0 10zM4.6 4.6l6.8 6.8',
  play: 'M5 3.5v9l7-4.5z',
  pause: 'M5.5 3.5v9M10.5 3.5v9',
  retry: 'M12.5 8a4.5 4.5 0 1 1-1.4-3.2M12.8 2.5v3h-3',
  trash: 'M3 4.5h10M6.5 4.5V3h3v1.5M4.5 4.5l.5 8.5h6l.5-8.5',
  copy: 'M5.5 5.5V3H13v7.5h-2.5M3 5.5h7.5V13H3z',
  download: 'M8 3v7M5 7.5l3 3 3-3M3 13h10',
  warning: 'M8 2.8 14 13H2zM8 6.8v3M8 11.4v.1',
  sun: 'M8 10.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5zM8 1.8v1.4M8 12.8v1.4M1.8 8h1.4M12.8 8h1.4M3.6 3.6l1 1M11.4 11.4l1 1M12.4 3.6l-1 1M4.6 11.4l-1 1',
  moon: 'M12.8 9.6A5.2 5.2 0 0 1 6.4 3.2a5.2 5.2 0 1 0 6.4 6.4z',
  keyboard: 'M2 4.5h12v7H2zM4.5 7h.1M7 7h.1M9.5 7h.1M11.7 7h.1M5.5 9.3h5',
  columns: 'M3 3h10v10H3zM6.4 3v10M9.7 3v10',
  changes: 'M2.5 5.5h9M9 3l2.5 2.5L9 8M13.5 10.5h-9M7 8l-2.5 2.5L7 13',
  clock: 'M8 13.5a5.5 5.5 0 1 0 0-11 5.5 5.5 0 0 0 0 11zM8 5v3.2l2.2 1.4',
  nodes: 'M3 3h10v4H3zM3 9h10v4H3zM5.5 5h.1M5.5 11h.1',
  resume: 'M4 3.5v9M7.5 3.5v9l6-4.5z',
  edit: 'M3 13l.8-3.2 7-7 2.4 2.4-7 7zM9.4 4.2l2.4 2.4',
  link: 'M6.8 9.2a2.6 2.6 0 0 0 3.8 0l2-2a2.6 2.6 0 0 0-3.7-3.8l-.9.9M9.2 6.8a2.6 2.6 0 0 0-3.8 0l-2 2a2.6 2.6 0 0 0 3.7 3.8l.9-.9',
  more: 'M4 8h.1M8 8h.1M12 8h.1',
  left: 'M10 3.5 5.5 8l4.5 4.5',
  right: 'M6 3.5 10.5 8 6 12.5',
  up: 'M4 10l4-4 4 4',
  down: 'M4 6l4 4 4-4',
  book: 'M3 3h4a1.5 1.5 0 0 1 1.5 1.5V13A1.5 1.5 0 0 0 7 11.8H3zM13 3H10a1.5 1.5 0 0 0-1.5 1.5V13a1.5 1.5 0 0 1 1.5-1.2h3z',
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name, className = '' }: { name: IconName; className?: string }) {
  return (
    <svg className={`icon ${className}`} viewBox="0 0 16 16" aria-hidden="true">
      <path d={PATHS[name]} />
    </svg>
  );
}
