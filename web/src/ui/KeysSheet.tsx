import { Dialog } from './Dialog';
import { usePlaces } from './places';

type Keys = [string, [string, string][]];

const LISTS: [string, string][] = [
  ['j k', 'Next and previous'],
  ['Enter', 'Open'],
];

const SHEET: Keys[] = [
  [
    'Overview',
    [['r', 'Run the next pending job']],
  ],
  [
    'Jobs',
    [
      ['/', 'Search'],
      ...LISTS,
      ['[ ]', 'A screen up or down'],
      ['Home End', 'First and last'],
      ['x', 'Select'],
      ['X', 'Select from the last selected to here'],
      ['a', 'Select all that match'],
      ['r t c', 'Run, retry, cancel what is selected'],
      ['Delete', 'Delete what is selected'],
      ['Esc', 'Select nothing'],
      ['.', 'Show what has changed'],
    ],
  ],
  [
    'A job',
    [
      ['r', 'Run now'],
      ['c', 'Cancel; again: without grace'],
      ['t', 'Retry'],
      ['d', 'Duplicate'],
      ['y', 'Copy its id'],
      ['Delete', 'Delete'],
      ['p', 'Pause or follow the log'],
      ['/', 'Search the log'],
    ],
  ],
  ['Changes', [['/', 'Filter by job'], ...LISTS]],
  [
    'Schedules',
    [
      ['s', 'New schedule'],
      ...LISTS,
      ['r', 'Run now'],
      ['p', 'Pause or resume'],
      ['e', 'Change'],
      ['Delete', 'Delete'],
    ],
  ],
];

export function KeysSheet({ onClose }: { onClose: () => void }) {
  const places = usePlaces();
  const everywhere: Keys = [
    'Everywhere',
    [
      ['Ctrl K', 'Find or do anything'],
      ['?', 'This sheet'],
      ['n', 'New job'],
      ...places.map((place, index): [string, string] => [String(index + 1), place.name]),
      ['Esc', 'Close what is open'],
    ],
  ];
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div className="keys">
        {[everywhere, ...SHEET].map(([place, keys]) => (
          <section key={place}>
            <h3>{place}</h3>
            <dl>
              {keys.map(([key, does]) => (
                <div key={key + does}>
                  <dt>
                    {key.split(' ').map((part) => (
                      <kbd key={part}>{part}</kbd>
                    ))}
                  </dt>
                  <dd>{does}</dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
      </div>
    </Dialog>
  );
}
