// An address that a page or a program gave: a link only where it leads to a web page, else its text.
// A data: or javascript: address would run whatever it carries.
import type { ReactNode } from 'react';

export function WebLink({ to, className, children }: { to: string; className?: string; children?: ReactNode }) {
  const shown = children ?? to;
  if (!/^https?:\/\//i.test(to)) {
    return (
      <span className={className} title={to}>
        {shown}
      </span>
    );
  }
  return (
    <a href={to} title={to} target="_blank" rel="noreferrer noopener" className={className}>
      {shown}
    </a>
  );
}
