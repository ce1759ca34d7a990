import type { ReactNode } from 'react';

export type Fact = [name: string, value: ReactNode];

interface Props {
  facts: Fact[];
  look?: 'grid' | 'four' | 'list'; // as many in a row as fit, four, or one
}

const CLASS = { grid: 'facts', four: 'facts four', list: 'facts list-facts' };

export function FactList({ facts, look = 'grid' }: Props) {
  return (
    <dl className={CLASS[look]}>
      {facts.map(([name, value]) => (
        <div key={name}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  );
}
