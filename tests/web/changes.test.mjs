// The list of all changes.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  jobs.first = await server.finish('records', { search_filters: { records: 70 } });
  jobs.second = await server.finish('records', { search_filters: { records: 2 } });
});
const rows = () => on.page.locator('.changes tbody tr');

test('Changes of all jobs stand newest first, old beside new, and more come while one scrolls', async () => {
  await on.open('/changes');
  await on.visible(on.text('72 proposed'));
  await on.visible(rows().first().getByRole('link', { name: jobs.second }));
  await on.look('changes');
  await on.press('End');
  await on.page.waitForFunction(() => document.querySelectorAll('.changes tbody tr').length === 72);
});

test('They are filtered by job, type, kind and review in the address', async () => {
  await on.open('/changes');
  await on.press('/');
  await on.page.keyboard.type(jobs.second);
  await on.page.keyboard.press('Enter');
  await on.page.waitForURL(new RegExp(`job_id=${jobs.second}`));
  await on.visible(on.text('2 proposed and matching'));
  assert.equal(await rows().count(), 2);
  await on.button('Clear').click();
  await on.page.getByLabel('Entity type').selectOption('builder');
  await on.visible(on.text('No change matches'));
  await on.look('changes-empty');
  await on.page.getByLabel('Entity type').selectOption('selftest');
  await on.page.getByLabel('Kind').selectOption('removed');
  await on.visible(on.text('No change matches'));
  await on.page.getByLabel('Kind').selectOption('added');
  await on.page.getByLabel('Review').selectOption('pending');
  await on.page.waitForURL(/entity_type=selftest&change_type=added&status=pending/);
  await on.visible(on.text('72 proposed and matching'));
});

test('They are walked by keyboard to the job that found them', async () => {
  await on.open('/changes');
  await on.visible(rows());
  await on.press('j');
  await on.press('Enter');
  await on.page.waitForURL(new RegExp(jobs.second));
});

nothingWentAstray(on);
