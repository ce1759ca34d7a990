// The page of one job, while it runs, hangs, dies and has children.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  jobs.done = await server.finish('records', { search_filters: { records: 3 } });
  jobs.failed = await server.finish('fail', { search_query: 'maple court' });
  jobs.crashed = await server.finish('segfault', { max_attempts: 1 });
  jobs.hung = await server.begin('busy_loop', { max_attempts: 1 });
  jobs.working = await server.begin('ok', { search_filters: { ms: 600_000 } });
});
const status = (name) => on.page.locator(`.job-head .status.${name}`);

test('A running job tells its progress and limits, and is cancelled and retried by key', async () => {
  await on.open(`/jobs/${jobs.working}`);
  await on.visible(on.page.getByRole('progressbar', { name: 'Progress' }));
  await on.visible(on.page.getByRole('meter', { name: /Heartbeat/ }));
  await on.visible(on.heading('What does it do?'));
  await on.look('job-running');
  await on.press('c');
  await on.visible(status('cancelled'));
  await on.press('t');
  await on.visible(status('pending'));
  await on.visible(on.heading('Why is it not running?'));
  await on.visible(on.text(/Dispatch is on request/));
  await on.look('job-pending');
});

test('What ignores its end is killed without grace by the same key', async () => {
  const id = await on.server.begin('ignore_term', { max_attempts: 1 });
  await on.open(`/jobs/${id}`);
  await on.visible(status('running'));
  await on.press('c');
  await on.press('c');
  await on.visible(status('cancelled'));
});

test('With every slot in use, running a job asks for it', async () => {
  const busy = [];
  for (let each = 0; each < 6; each++) busy.push(await on.server.submit('ok', { search_filters: { ms: 600_000 } }));
  await on.server.ask('POST', '/jobs/bulk-start', { job_ids: busy });
  const id = await on.server.submit('ok');
  await on.open(`/jobs/${id}`);
  await on.visible(on.text(/6 of 6 slots are in use/));
  await on.press('r');
  await on.visible(on.text(/It starts by itself as soon as it can/));
  await on.server.ask('POST', '/jobs/bulk-cancel', { job_ids: busy });
  await on.visible(status('completed'));
});

test('A log arrives while one looks; it is filtered, searched, paused and downloaded', async () => {
  const id = await on.server.submit('flood', { search_filters: { mb: 1 } });
  await on.open(`/jobs/${id}`);
  await on.visible(on.text('It has said nothing yet'));
  await on.press('r');
  await on.visible(on.page.locator('.log-line'));
  await on.visible(status('completed'));
  await on.look('job-log');
  await on.page.getByLabel('Stage').selectOption('stderr');
  await on.visible(on.page.locator('.log-line .log-stage', { hasText: 'stderr' }));
  await on.page.getByLabel('Stage').selectOption('');
  await on.page.getByLabel('Level').selectOption('ERROR');
  await on.visible(on.text('No line matches'));
  await on.page.getByLabel('Level').selectOption('DEBUG');
  await on.press('/');
  await on.page.keyboard.type('nothing has this');
  await on.visible(on.text('No line matches'));
  await on.page.getByLabel('Search the log').fill('DROPPED');
  await on.visible(on.page.locator('.log-line mark'));
  await on.page.getByLabel('Search the log').fill('');
  await on.press('p');
  await on.visible(on.button('Follow'));
  const download = on.page.waitForEvent('download');
  await on.button('Download').click();
  const file = await download;
  assert.equal(file.suggestedFilename(), `${id}.log`);
  const { total_logs } = await on.server.ask('GET', `/jobs/${id}/logs?limit=1`);
  assert.ok(readFileSync(await file.path(), 'utf8').split('\n').length >= total_logs);
});

test('A hung job shows when, how and where it hung', async () => {
  await on.open(`/jobs/${jobs.hung}`);
  await on.visible(status('failed'));
  await on.visible(on.heading('What it was doing when it hung'));
  await on.visible(on.page.getByRole('button', { name: /^Attempt 1: heartbeat lost, / }));
  await on.look('job-hung');
  await on.page.locator('.timeline .span').click();
  await on.gone(on.heading('What it was doing when it hung'));
});

test('A job that crashed names the signal, memory and processor time', async () => {
  await on.open(`/jobs/${jobs.crashed}`);
  await on.visible(on.page.getByRole('cell', { name: 'SIGSEGV' }));
  await on.visible(on.page.getByRole('cell', { name: /MiB$/ }));
  await on.visible(on.page.getByRole('button', { name: /crashed.*SIGSEGV.*of processor.*at most/ }));
  await on.look('job-crashed');
});

test('Attempts stand to scale on the time line, with the waits between them', async () => {
  const id = await on.server.begin('transient', { search_filters: { times: 1 } });
  await on.open(`/jobs/${id}`);
  await on.visible(status('completed'));
  await on.visible(on.text('2 attempts'));
  const [first, second] = await on.page.locator('.timeline .span').evaluateAll((spans) => spans.map((span) => span.offsetLeft));
  const wait = await on.page.locator('.timeline .wait').last().evaluate((each) => each.offsetWidth);
  assert.ok(second > first && Math.abs(second - first - wait) < 40, `${first}, ${wait}, ${second}`);
  await on.look('job-retried');
});

test('Changes are listed with confidence and source; parent and children know each other', async () => {
  await on.open(`/jobs/${jobs.done}`);
  await on.visible(on.page.getByRole('region', { name: 'Changes table' }));
  await on.visible(on.text('90.0%'));
  const child = await on.server.submit('ok', { parent_job_id: jobs.done });
  await on.visible(on.page.getByRole('link', { name: child }));
  await on.look('job-changes');
  await on.page.getByRole('link', { name: child }).click();
  await on.visible(on.heading('Parent'));
  await on.page.getByRole('link', { name: jobs.done }).first().click();
  await on.page.waitForURL(new RegExp(jobs.done));
});

test('A job is duplicated, its id copied, and deleted', async () => {
  await on.page.context().grantPermissions(['clipboard-read', 'clipboard-write']);
  await on.open(`/jobs/${jobs.failed}`);
  await on.visible(on.button('Duplicate'));
  await on.press('y');
  await on.visible(on.text(`Copied ${jobs.failed}`));
  assert.equal(await on.page.evaluate(() => navigator.clipboard.readText()), jobs.failed);
  await on.press('d');
  await on.visible(on.heading(`New job like ${jobs.failed}`));
  await on.page.keyboard.press('Escape');
  await on.press('Delete');
  await on.page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
  await on.page.waitForURL(/\/jobs$/);
});

nothingWentAstray(on);
