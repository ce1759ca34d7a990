// The small parts every page is made of.
import type { ButtonHTMLAttributes, MouseEvent, ReactNode } from 'react';
import { useNow } from '../clock';
import type { Status } from '../api/types';
import { address, navigate } from '../route';
import { relative } from '../words';
import { Icon, type IconName } from './Icon';

type Look = 'plain' | 'primary' | 'danger' | 'quiet';

interface ButtonProps extends ButtonHTMLAttributes<HTMLButtonElement> {
  'data-first'?: boolean; // of a dialog: has the focus when it opens
  look?: Look;
  icon?: IconName;
  hotkey?: string;
}

export function Button({ look = 'plain', icon, hotkey, children, className = '', ...rest }: ButtonProps) {
  return (
    <button
      type="button"
      className={`button ${look} ${children ? '' : 'bare'} ${className}`}
      aria-keyshortcuts={hotkey?.replace('Del', 'Delete')}
      {...rest}
    >
      {icon && <Icon name={icon} />}
      {children}
      {hotkey && <kbd aria-hidden="true">{hotkey}</kbd>}
    </button>
  );
}

interface LinkProps {
  to: string;
  children: ReactNode;
  className?: string;
  current?: boolean;
  label?: string;
  title?: string;
}

export function Link({ to, children, className, current, label, title }: LinkProps) {
  function follow(event: MouseEvent) {
    if (event.metaKey || event.ctrlKey || event.shiftKey || event.button !== 0) return;
    event.preventDefault();
    navigate(to);
  }
  return (
    <a
      href={address(to)}
      className={className}
      onClick={follow}
      aria-label={label}
      title={title}
      aria-current={current ? 'page' : undefined}
    >
      {children}
    </a>
  );
}

const STATUS_ICON: Record<Status, IconName> = {
  pending: 'circle',
  running: 'arc',
  completed: 'check',
  failed: 'cross',
  cancelled: 'ban',
};

export function StatusMark({ status, detail }: { status: Status; detail?: string }) {
  return (
    <span className={`status ${status}`}>
      <Icon name={STATUS_ICON[status]} />
      {status}
      {detail && <span className="muted">{detail}</span>}
    </span>
  );
}

const LOCAL = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });

export function localTime(text: string): string {
  return LOCAL.format(new Date(text));
}

const utc = (text: string) => `${text.replace('T', ' ').replace('Z', '')} UTC`;

// A sentence of the server's, its times in the reader's zone.
export function inLocalTime(sentence: string): string {
  return sentence.replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, localTime);
}

export function Ago({ time }: { time: string | null }) {
  const now = useNow();
  if (!time) return <span className="muted">–</span>;
  return (
    <time dateTime={time} title={`${localTime(time)}\n${utc(time)}`}>
      {relative(Date.parse(time), now)}
    </time>
  );
}

export function At({ time }: { time: string }) {
  return (
    <time dateTime={time} title={utc(time)}>
      {localTime(time)}
    </time>
  );
}

export function Bar({ value, label }: { value: number | null; label: string }) {
  const known = value !== null;
  return (
    <span
      className={`bar ${known ? '' : 'unknown'}`}
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={known ? Math.round(value) : undefined}
    >
      <span style={{ width: known ? `${Math.min(100, Math.max(0, value))}%` : '30%' }} />
    </span>
  );
}

interface PanelProps {
  title: string;
  aside?: ReactNode;
  children: ReactNode;
  className?: string;
}

export function Panel({ title, aside, children, className = '' }: PanelProps) {
  const id = `panel-${title.toLowerCase().replace(/\W+/g, '-')}`;
  return (
    <section className={`panel ${className}`} aria-labelledby={id}>
      <header>
        <h2 id={id}>{title}</h2>
        {aside && <div className="aside">{aside}</div>}
      </header>
      {children}
    </section>
  );
}

export function Empty({ title, children }: { title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <p className="empty-title">{title}</p>
      {children && <p>{children}</p>}
    </div>
  );
}

export function Trouble({ error, again }: { error: Error; again?: () => void }) {
  return (
    <div className="trouble" role="alert">
      <Icon name="warning" />
      <span>{error.message}</span>
      {again && <Button onClick={again}>Try again</Button>}
    </div>
  );
}

export function Waiting({ rows = 3 }: { rows?: number }) {
  return (
    <div className="waiting" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, index) => (
        <span key={index} />
      ))}
    </div>
  );
}
