// The overview, while jobs run, hang and die.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  await server.finish('records', { search_filters: { records: 3 } });
  for (let each = 0; each < 3; each++) await server.finish('fail', { search_query: 'maple court' });
  jobs.working = await server.begin('ok', { search_filters: { ms: 600_000 } });
});

test('It shows what runs and what each limit leaves it', async () => {
  await on.open('/');
  await on.visible(on.page.getByRole('progressbar', { name: `Progress of ${jobs.working}` }));
  for (const limit of ['Deadline', 'Heartbeat', 'Stall']) {
    const meter = on.page.getByRole('meter', { name: `${limit} of ${jobs.working}, left` });
    await on.visible(meter);
    assert.ok(Number(await meter.getAttribute('aria-valuenow')) > 0);
  }
  await on.visible(on.text('1 of 6 slots'));
});

test('A job that falls silent is named before it is stopped, and leaves by itself', async () => {
  const id = await on.server.begin('busy_loop', { max_attempts: 1 });
  const attention = on.page.getByRole('region', { name: 'Needs attention' });
  await on.visible(attention.getByText(/has said nothing for/));
  await on.visible(attention.getByRole('link', { name: id }));
  await on.gone(on.page.getByRole('progressbar', { name: `Progress of ${id}` }));
});

test('A type that fails is named with its last reason', async () => {
  await on.visible(on.text(/fails: 4 of its 5 newest finished jobs/));
  await on.page.getByRole('link', { name: 'See them' }).first().click();
  await on.page.waitForURL(/\/jobs\?status=failed&entity_type=selftest/);
  await on.page.goBack();
});

test('History is drawn over an hour, a day and a month', async () => {
  await on.open('/');
  await on.visible(on.page.locator('.chart canvas'));
  await on.visible(on.page.getByRole('img', { name: /Last 1 h: 1 completed, 4 failed, 0 cancelled/ }));
  await on.look('overview');
  for (const range of ['24 h', '30 d']) {
    await on.button(range).click();
    await on.visible(on.page.getByRole('img', { name: new RegExp(`Last ${range}: 1 completed, 4 failed`) }));
  }
  await on.button('Waiting time').click();
  await on.visible(on.page.getByRole('img', { name: /Waiting time, last 30 d: median/ }));
  await on.page.getByLabel('Entity type').selectOption('builder');
  await on.visible(on.text('Nothing happened in the last 30 d'));
});

test('Dispatch is paused and resumed, as a whole and for a type', async () => {
  await on.open('/');
  await on.button('Pause all').click();
  await on.visible(on.text('Dispatch is paused: no new job is started'));
  await on.button('Resume').click();
  await on.visible(on.button('Pause all'));
  await on.button('Pause selftest').click();
  await on.visible(on.text(/Paused: selftest/));
  await on.button('Resume selftest').click();
  await on.gone(on.text(/Paused: selftest/));
});

test('The next job is run by button and by key', async () => {
  await on.server.submit('ok');
  await on.server.submit('ok');
  await on.button('Run next').first().click();
  await on.visible(on.text(/Started job JOB-/));
  await on.press('r');
  await on.visible(on.text(/0 job\(s\) remaining in queue/));
});

test('A running job is cancelled from the list', async () => {
  const id = await on.server.begin('ok', { search_filters: { ms: 600_000 } });
  await on.button(`Cancel ${id}`).click();
  await on.visible(on.text(`Cancelling ${id}`));
  await on.gone(on.page.getByRole('progressbar', { name: `Progress of ${id}` }));
});

test('Stuck jobs are reset behind a preview, and the monitor remembers which', async () => {
  const id = await on.server.begin('ok', { search_filters: { ms: 600_000 } });
  await on.open('/');
  await on.button('Reset stuck jobs').click();
  const minutes = on.page.getByLabel('Jobs running for more than, in minutes');
  await minutes.fill('1000');
  await on.visible(on.text('0 jobs'));
  await on.look('reset');
  await minutes.fill('0');
  await on.visible(on.page.getByRole('dialog').getByText(id));
  await on.button('Reset').click();
  await on.visible(on.text(/Reset 2 stuck job\(s\)/));
  await on.visible(on.page.getByRole('list', { name: 'Jobs reset last' }).getByRole('link', { name: id }));
  await on.visible(on.text(/stuck jobs were reset in the last hour/));
});

nothingWentAstray(on);
