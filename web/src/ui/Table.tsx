import type { ReactNode } from 'react';

interface Props {
  name: string;
  className?: string;
  children: ReactNode; // its head and body
}

// Scrolls sideways where it is too wide, by the keyboard too.
export function Table({ name, className, children }: Props) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={`${name} table`}>
      <table className={className}>{children}</table>
    </div>
  );
}
