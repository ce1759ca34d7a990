// Coming in, the first load, the shell around the pages.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { nothingWentAstray, stage } from './stage.mjs';

const jobs = {};
const on = stage(async ({ server }) => {
  jobs.done = await server.finish('ok', { search_query: 'willow bend' });
});

test('A stranger sees the login page, a wrong token is refused, a right one lets in', async () => {
  on.page = await on.newPage();
  await on.page.goto(on.server.url + '/jobs');
  await on.visible(on.heading('Log in to forager'));
  await on.look('login');
  await on.page.getByLabel('Token').fill('fgr_wrong');
  await on.button('Log in').click();
  await on.visible(on.text('The token is unknown or revoked.'));
  await on.page.getByLabel('Token').fill(on.server.token);
  await on.button('Log in').click();
  await on.visible(on.heading('Jobs'));
});

test('The login link opens the overview and its events arrive', async () => {
  on.page = await on.newPage();
  await on.page.goto(on.server.login);
  await on.visible(on.heading('Overview'));
  assert.equal(new URL(on.page.url()).pathname, '/');
  await on.visible(on.text('Live'));
});

test('The first load is small and quick, cached for ever by name, and revalidated by tag', async () => {
  const fresh = await on.newPage({ token: on.server.token });
  await fresh.goto(on.server.url + '/');
  await on.visible(fresh.getByRole('heading', { name: 'Overview' }));
  const { size, paint } = await fresh.evaluate(() => ({
    size: [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter((entry) => /\/$|assets|svg/.test(entry.name))
      .reduce((sum, entry) => sum + entry.encodedBodySize, 0),
    paint: performance.getEntriesByName('first-contentful-paint')[0].startTime,
  }));
  await fresh.context().close();
  assert.ok(size > 50_000 && size < 300 * 1024, `${size} bytes`);
  assert.ok(paint < 2_500, `first paint after ${paint} ms`);
  const html = await fetch(on.server.url + '/jobs/JOB-1-AAAAAAAAAA');
  assert.match(html.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; style-src 'self'/);
  const again = await fetch(on.server.url + '/', { headers: { 'If-None-Match': html.headers.get('etag') } });
  assert.equal(again.status, 304);
  const text = await html.text();
  const [, script] = /src="\.(\/assets\/[^"]+)"/.exec(text);
  const asset = await fetch(on.server.url + script, { headers: { 'Accept-Encoding': 'identity' } });
  assert.match(asset.headers.get('cache-control'), /immutable/);
  assert.match(asset.headers.get('content-type'), /^text\/javascript/);
  const [, font] = /href="\.(\/assets\/[^"]+woff2)"/.exec(text);
  assert.equal((await fetch(on.server.url + font)).headers.get('content-type'), 'font/woff2');
  assert.equal((await fetch(on.server.url + '/assets/nothing.js')).status, 404);
  assert.equal((await fetch(on.server.url + '/', { method: 'POST' })).status, 405);
  assert.equal((await fetch(on.server.url + '/schedules/a/b')).status, 404);
  assert.match(await (await fetch(on.server.url + '/licences.txt')).text(), /react-dom/);
});

test('The palette finds pages, actions and jobs; the sheet lists the keys', async () => {
  await on.open('/');
  await on.page.keyboard.press('Control+k');
  const box = on.page.getByRole('combobox', { name: 'Find or do' });
  await on.visible(box);
  await on.look('palette');
  await box.fill('willow');
  await on.visible(on.page.getByRole('option', { name: new RegExp(jobs.done) }));
  await box.fill(jobs.done);
  await on.page.keyboard.press('Enter');
  await on.page.waitForURL(new RegExp(jobs.done));
  await on.press('?');
  await on.visible(on.heading('Keys'));
  await on.look('keys');
  await on.page.keyboard.press('Escape');
  await on.gone(on.page.getByRole('dialog'));
});

test('Number keys go from page to page; the theme is flipped and kept', async () => {
  await on.open('/');
  for (const [key, path, name] of [['2', '/jobs', 'Jobs'], ['3', '/changes', 'Changes'], ['1', '/', 'Overview']]) {
    await on.press(key);
    await on.page.waitForURL(on.server.url + path);
    await on.visible(on.heading(name));
  }
  await on.button('Dark theme').click();
  await on.page.reload();
  await on.page.locator(':root[data-theme=dark]').waitFor();
  await on.button('Light theme').click();
  await on.page.locator(':root[data-theme=light]').waitFor();
  await on.page.evaluate(() => localStorage.clear());
});

test('Times are relative and tick; the moment in UTC is on the hover', async () => {
  await on.open(`/jobs/${jobs.done}`);
  const time = on.page.locator('.facts time').first();
  await on.visible(time);
  const first = await time.textContent();
  await on.page.waitForFunction(
    ([selector, before]) => document.querySelector(selector)?.textContent !== before,
    ['.facts time', first],
  );
  assert.match(await time.getAttribute('title'), /\n\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} UTC$/);
});

test('What is not there is said', async () => {
  await on.open('/jobs/JOB-1700000000-ABCDEFGHIJ');
  await on.visible(on.page.getByRole('alert'));
  await on.look('job-missing');
});

test('A lost connection is shown, and mended when the server is back', async () => {
  await on.open('/');
  await on.visible(on.text('Live'));
  const listen = new URL(on.server.url).host;
  await on.server.stop();
  await on.visible(on.text('Connection lost, retrying. What you see may be old.'));
  await on.look('lost');
  await on.server.run(listen);
  await on.gone(on.text('Connection lost, retrying. What you see may be old.'));
});

nothingWentAstray(on);
