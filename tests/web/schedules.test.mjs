// Schedules: made, previewed, paused, run, changed and deleted.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const on = stage();
const dialog = () => on.page.getByRole('dialog');

test('Without any, the page says what a schedule is', async () => {
  await on.open('/schedules');
  await on.visible(on.text('Nothing is scheduled'));
  await on.look('schedules-empty');
});

test('A schedule is made with its times in words while one types, wrong ones are named', async () => {
  await on.open('/schedules');
  await on.press('s');
  await dialog().getByLabel('Name').fill('nightly');
  await dialog().getByLabel('Time zone').fill('Europe/Berlin');
  const cron = dialog().getByLabel(/^Cron expression/);
  await cron.fill('61 2 * * *');
  await on.visible(dialog().locator('.schedule-preview .wrong'));
  await dialog().getByRole('button', { name: 'workdays at 9' }).click();
  await on.visible(dialog().getByText(/09:00/).first());
  await cron.fill('30 2 * * *');
  await on.visible(dialog().getByText('At 02:30 every day'));
  await dialog().getByLabel('Entity type').fill('selftest');
  await dialog().getByLabel('Job type').fill('ok');
  await dialog().getByLabel(/as JSON/).fill('not json');
  await on.button('Make the schedule').click();
  await on.visible(dialog().getByText('job is not JSON'));
  await dialog().getByLabel(/as JSON/).fill('{"priority": 7}');
  await on.look('schedule-new');
  await on.button('Make the schedule').click();
  await on.page.waitForURL(/\/schedules\/nightly$/);
});

test('Its page tells the next ten runs, in its own zone', async () => {
  await on.open('/schedules/nightly');
  const runs = on.page.locator('.runs-ahead li');
  await on.visible(runs);
  assert.equal(await runs.count(), 10);
  assert.match(await runs.first().textContent(), /02:30/);
  await on.visible(on.text('It has not run yet'));
  await on.look('schedule');
});

test('It is paused, resumed and run by key; the run names its job', async () => {
  await on.press('p');
  await on.visible(on.text('It is paused'));
  await on.press('p');
  await on.visible(on.page.locator('.runs-ahead li'));
  await on.press('r');
  await on.visible(on.text(/nightly made JOB-/));
  const run = on.page.getByRole('region', { name: 'Runs table' }).getByRole('link');
  await on.visible(run);
  await on.look('schedule-run');
  await run.click();
  await on.page.waitForURL(/\/jobs\/JOB-/);
  await on.visible(on.text('schedule:nightly'));
});

test('It is changed, and says so', async () => {
  await on.open('/schedules/nightly');
  await on.visible(on.heading('nightly'));
  await on.press('e');
  await dialog().getByLabel('When the job of an earlier run is not over').selectOption('cancel_old');
  await dialog().getByLabel('When times passed while no server ran').selectOption('all');
  await dialog().getByLabel('At most so many').fill('5');
  await on.button('Save').click();
  await on.visible(on.text('Cancel the old job, then make the new one'));
  await on.visible(on.text('Run all of them, up to a number: 5'));
});

test('The list shows when each runs, and runs, pauses and opens them', async () => {
  await on.server.ask('POST', '/schedules', {
    name: 'once', run_at: new Date(Date.now() + 86_400_000).toISOString(), job: { entity_type: 'selftest', job_type: 'ok' },
  });
  await on.open('/schedules');
  await on.visible(on.text('2 schedules'));
  await on.visible(on.page.getByRole('row', { name: /nightly.*At 02:30 every day/ }));
  await on.button('Pause once').click();
  await on.visible(on.text('once is paused'));
  await on.look('schedules');
  await on.button('Resume once').click();
  await on.visible(on.text('once is resumed'));
  await on.button('Run once now').click();
  await on.visible(on.text(/once made JOB-/));
  await on.press('j');
  await on.press('Enter');
  await on.page.waitForURL(/\/schedules\/nightly$/);
});

test('It is deleted behind a question', async () => {
  await on.open('/schedules/nightly');
  await on.visible(on.heading('nightly'));
  await on.press('Delete');
  await dialog().getByRole('button', { name: 'Delete' }).click();
  await on.page.waitForURL(/\/schedules$/);
  await on.gone(on.link('nightly'));
});

nothingWentAstray(on);
