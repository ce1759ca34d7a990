// Where a proxy serves forager below a path of its host: every address of the page begins with it.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const on = stage(async (made) => made.server.ask('POST', '/jobs', { entity_type: 'selftest', job_type: 'ok' }),
  'public_url = "http://127.0.0.1/tools/forager"\n');

test('The pages stay below the path, and are found again there', async () => {
  await on.open('/tools/forager/');
  await on.page.getByRole('link', { name: /^Jobs/ }).click();
  await on.page.waitForURL(/\/tools\/forager\/jobs$/);
  await on.page.getByRole('link', { name: /^JOB-/ }).first().click();
  await on.page.waitForURL(/\/tools\/forager\/jobs\/JOB-/);
  await on.page.reload();
  await on.visible(on.page.getByRole('link', { name: 'Jobs', exact: true }));
  await on.look('below-a-path-job');
  await on.page.goBack();
  await on.visible(on.page.getByRole('link', { name: /^JOB-/ }));
  await on.page.goto(on.page.url() + '?status=failed#content');
  await on.visible(on.page.locator('main#content'));
  const asked = await on.page.evaluate(() => performance.getEntriesByType('resource').map((entry) => new URL(entry.name).pathname));
  assert.ok(asked.length > 5);
  assert.deepEqual(asked.filter((path) => !path.startsWith('/tools/forager/')), []);
});

test('A login link leads there, and its cookie belongs to the path', async () => {
  const page = await on.newPage();
  const { pathname, search } = new URL(on.server.login);
  await page.goto(on.server.url + pathname + search);
  await on.visible(page.locator('main#content'));
  assert.equal(new URL(page.url()).pathname, '/tools/forager/');
  const [cookie] = await page.context().cookies();
  assert.equal(cookie.path, '/tools/forager/');
});

nothingWentAstray(on);
