import { Dialog } from './Dialog';

const SHEET: [string, [string, string][]][] = [
  [
    'Everywhere',
    [
      ['Ctrl K', 'Find or do anything'],
      ['?', 'This sheet'],
      ['1 2 3', 'Overview, jobs, settings'],
      ['n', 'New job'],
      ['Esc', 'Close what is open'],
    ],
  ],
  [
    'Jobs',
    [
      ['/', 'Search'],
      ['j k', 'Next and previous job'],
      ['x', 'Select; with Shift and click, a range'],
      ['Enter', 'Open'],
      ['[ ]', 'Previous and next page'],
      ['Esc', 'Select nothing'],
    ],
  ],
  [
    'A job',
    [
      ['r', 'Run now'],
      ['c', 'Cancel'],
      ['t', 'Retry'],
      ['d', 'Duplicate'],
      ['Delete', 'Delete'],
      ['p', 'Pause or follow the log'],
      ['/', 'Search the log'],
    ],
  ],
];

export function KeysSheet({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keys" onClose={onClose} wide>
      <div className="keys">
        {SHEET.map(([place, keys]) => (
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
