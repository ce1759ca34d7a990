// The list of jobs: filters, selection, bulk actions, and a hundred thousand rows.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  jobs.done = await server.finish('records', { search_filters: { records: 2 }, search_query: 'willow bend' });
  jobs.failed = await server.finish('fail', { search_query: 'maple court' });
  jobs.crashed = await server.finish('segfault', { max_attempts: 1 });
  jobs.working = await server.begin('ok', { search_filters: { ms: 600_000 } });
});
const box = (id) => on.page.getByLabel(`Select ${id}`);
const row = (index) => on.page.locator(`tr[aria-rowindex="${index + 2}"]`);

test('The list filters, sorts and searches in the address bar, and is live', async () => {
  await on.open('/jobs');
  await on.visible(on.link(jobs.working));
  await on.look('jobs');
  await on.page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'failed' }).click();
  await on.page.waitForURL(/status=failed/);
  await on.visible(on.link(jobs.failed));
  await on.gone(on.link(jobs.done));
  await on.press('/');
  await on.page.keyboard.type('maple');
  await on.page.waitForURL(/q=maple/);
  await on.gone(on.link(jobs.crashed));
  await on.button('Clear').click();
  await on.page.waitForURL(/\/jobs$/);
  await on.page.goBack();
  await on.page.waitForURL(/q=maple/);
  await on.button('Clear').click();
  await on.page.getByLabel('Job type', { exact: true }).selectOption('records');
  await on.page.waitForURL(/job_type=records/);
  await on.gone(on.link(jobs.failed));
  await on.page.getByLabel('Job type', { exact: true }).selectOption('');
  await on.page.getByLabel('Created when').selectOption('1h');
  await on.page.waitForURL(/since=1h/);
  await on.button('Clear').click();
  await on.button('Created').click();
  await on.page.waitForURL(/sort=created_at/);
  await on.visible(row(0).getByRole('link', { name: jobs.done }));
  await on.page.goBack();
  const id = await on.server.submit('ok');
  await on.visible(row(0).getByRole('link', { name: id }));
});

test('Columns are chosen and kept', async () => {
  await on.open('/jobs');
  await on.page.getByText('Columns').click();
  await on.page.getByLabel('Priority', { exact: true }).check();
  await on.visible(on.page.getByRole('columnheader', { name: 'Priority' }));
  await on.look('jobs-columns');
  await on.page.reload();
  await on.visible(on.page.getByRole('columnheader', { name: 'Priority' }));
});

test('An empty list says why', async () => {
  await on.open('/jobs?q=nothing-has-this');
  await on.visible(on.text('No job matches'));
  await on.look('jobs-empty');
  await on.button('Clear the filters').click();
  await on.visible(on.link(jobs.working));
});

test('The list is walked by keyboard', async () => {
  await on.open('/jobs');
  await on.visible(on.link(jobs.working));
  await on.press('j');
  await on.press('j');
  await on.press('x');
  await on.visible(on.text('1 job selected'));
  await on.press('j');
  await on.press('X');
  await on.visible(on.text('2 jobs selected'));
  await on.press('Escape');
  await on.gone(on.text('2 jobs selected'));
  const id = await row(2).getByRole('link').textContent();
  await on.press('Enter');
  await on.page.waitForURL(new RegExp(id));
});

test('Jobs are chosen by click, range and filter; each bulk action says beforehand what it will do', async () => {
  const ids = [];
  for (let each = 0; each < 5; each++) ids.push(await on.server.submit('ok', { search_query: 'bulkward' }));
  await on.open('/jobs?q=bulkward');
  await box(ids[4]).click();
  await box(ids[1]).click({ modifiers: ['Shift'] });
  await on.visible(on.text('4 jobs selected'));
  await on.press('c');
  await on.visible(on.text(/4 jobs are cancelled/));
  await on.look('bulk');
  await on.button('Cancel 4 jobs').click();
  await on.visible(on.text('Cancelled 4 job(s)'));
  await box(ids[0]).click();
  await on.press('a');
  await on.visible(on.text('All 5 matching selected'));
  await on.button('Retry').click();
  await on.visible(on.text('1 other of the chosen is left as it is.'));
  await on.button('Retry 4 jobs').click();
  await on.visible(on.text('Retried 4 job(s)'));
  await on.page.getByLabel('Select all jobs that match').click();
  await on.button('Run').click();
  await on.visible(on.text(/5 jobs are asked to run/));
  await on.look('bulk-run');
  await on.button('Run 5 jobs').click();
  await on.visible(on.text('Asked to run 5 job(s)'));
  for (const id of ids) await on.visible(row(ids.length - 1 - ids.indexOf(id)).locator('.status.completed'));
  await on.page.getByLabel('Select all jobs that match').click();
  await on.press('Delete');
  await on.button('Delete 5 jobs').click();
  await on.visible(on.text('No job matches'));
});

test('A new job is refused field by field, then created and run with the keyboard', async () => {
  await on.open('/');
  await on.press('n');
  const dialog = on.page.getByRole('dialog');
  await dialog.getByLabel('Entity type').fill('No Such');
  await on.visible(dialog.getByText(/No collector serves this type/));
  await dialog.getByLabel('Job type', { exact: true }).fill('ok');
  await on.button('Create').click();
  await on.visible(dialog.getByText(/Entity type must be/));
  await dialog.getByLabel('Entity type').fill('selftest');
  await on.visible(dialog.getByText(/Collected by selftest/));
  await dialog.getByLabel('Works for, ms').fill('10');
  await on.look('create');
  await on.button('Create and run').click();
  await on.page.waitForURL(/\/jobs\/JOB-/);
  await on.visible(on.page.locator('.job-head .status.completed'));
  await on.visible(on.text('{"ms":10}'));
});

test('Far down the list rows stay where they are, and somebody says that more has come', async () => {
  const many = Array.from({ length: 10_000 }, () => ({ entity_type: 'selftest', job_type: 'ok', search_query: 'many' }));
  for (let each = 0; each < 10; each++) await on.server.ask('POST', '/jobs/bulk', { jobs: many });
  await on.open('/jobs?status=pending');
  await on.visible(row(0).getByRole('link'));
  await on.visible(on.text(/^100,00\d match$/));
  const list = on.page.getByRole('region', { name: 'Jobs table' });
  await list.evaluate((element) => element.scrollTo(0, 4_000 * 38));
  await on.visible(row(4_010).getByRole('link'));
  await on.page.waitForURL(/page=41/);
  const there = await row(4_010).getByRole('link').textContent();
  await on.server.submit('ok');
  await on.visible(on.button('The list has changed'));
  assert.equal(await row(4_010).getByRole('link').textContent(), there);
  await on.look('jobs-deep');
  await on.page.reload();
  await on.visible(row(4_010).getByRole('link'));
});

// In the page: ten rows further in each of 120 frames.
function scrollThrough(element) {
  return new Promise((done) => {
    let left = 120;
    function step() {
      element.scrollTop += 400;
      if (--left > 0) requestAnimationFrame(step);
      else done();
    }
    requestAnimationFrame(step);
  });
}

test('A hundred thousand jobs scroll smoothly to the last one', async () => {
  await on.open('/jobs?status=pending');
  await on.visible(row(0).getByRole('link'));
  const list = on.page.getByRole('region', { name: 'Jobs table' });
  // Processor time of the page's own thread: what others do on this machine is not in it.
  const debug = await on.page.context().newCDPSession(on.page);
  await debug.send('Performance.enable', { timeDomain: 'threadTicks' });
  const busy = async () => {
    const { metrics } = await debug.send('Performance.getMetrics');
    return metrics.find((metric) => metric.name === 'TaskDuration').value * 1_000;
  };
  const before = await busy();
  await list.evaluate(scrollThrough);
  const each = (await busy()) - before;
  // A table that drew all its rows would take hundreds.
  assert.ok(each / 120 < 60, `${each / 120} ms of work in each frame`);
  // To the end: each page beyond the first ten thousand rows follows the one before.
  await on.page.waitForFunction(
    () => {
      const element = document.querySelector('.list');
      element.scrollTop = element.scrollHeight;
      return element.scrollHeight > 100_000 * 38;
    },
    null,
    { timeout: 120_000, polling: 50 },
  );
  await on.visible(row(100_000).getByRole('link'));
});

nothingWentAstray(on);
