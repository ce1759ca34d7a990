// Every page and action of the dashboard, in a real browser, on a real server, while jobs run, hang and die.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import { chromium } from 'playwright-core';
import { Server } from './server.mjs';

const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium';
const SHOTS = process.env.FORAGER_SHOTS; // a folder: pictures of each page are kept there
const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const WAIT_MS = 8_000;
const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

let server, browser, page;
const strays = []; // requests that left the server, and errors of the page
const jobs = {};

// A browser of its own: nothing is logged in.
async function newPage() {
  const context = await browser.newContext({ viewport: SIZES.wide });
  const each = await context.newPage();
  each.setDefaultTimeout(WAIT_MS);
  each.on('request', (request) => {
    const { protocol, origin } = new URL(request.url());
    if (protocol.startsWith('http') && origin !== server.url) strays.push(`asked ${request.url()}`);
  });
  each.on('pageerror', (error) => strays.push(`error ${error.message}`));
  each.on('console', (message) => {
    if (message.type() === 'error' && /Content Security Policy/.test(message.text())) strays.push(message.text());
  });
  return each;
}

const visible = (locator) => locator.first().waitFor({ state: 'visible' });
const gone = (locator) => locator.first().waitFor({ state: 'detached' });
const text = (words) => page.getByText(words);
const button = (name) => page.getByRole('button', { name, exact: true });
const heading = (name) => page.getByRole('heading', { name, exact: true });

async function open(path) {
  await page.goto(server.url + path);
  await visible(page.locator('main#content'));
}

async function axe(name) {
  // Through the debugger: the page's own policy lets no script in.
  if (!(await page.evaluate(() => 'axe' in window))) await page.evaluate(AXE);
  const violations = await page.evaluate(async () => {
    const { violations: found } = await window.axe.run(document, { resultTypes: ['violations'] });
    return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).join(' | ')}`);
  });
  assert.deepEqual(violations, [], `axe on ${name}`);
}

async function look(name) {
  for (const theme of ['light', 'dark']) {
    await page.emulateMedia({ colorScheme: theme, reducedMotion: 'reduce' });
    for (const [width, size] of Object.entries(SIZES)) {
      await page.setViewportSize(size);
      await page.locator(`:root[data-theme=${theme}]`).waitFor();
      const where = `${name}, ${theme}, ${width}`;
      if (SHOTS) {
        mkdirSync(SHOTS, { recursive: true });
        await page.screenshot({ path: join(SHOTS, `${name}-${theme}-${width}.png`) });
      }
      await axe(where);
      const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      assert.ok(overflow <= 0, `${where} is ${overflow} px too wide`);
    }
  }
  await page.emulateMedia({ colorScheme: 'light' });
  await page.setViewportSize(SIZES.wide);
}

before(async () => {
  server = await Server.start();
  [jobs.done, jobs.failed, jobs.crashed] = await Promise.all([
    server.finish('records', { search_filters: { records: 3 }, search_query: 'willow bend' }),
    server.finish('fail', { search_query: 'maple court' }),
    server.finish('segfault', { max_attempts: 1 }),
  ]);
  jobs.hung = await server.begin('busy_loop', { max_attempts: 1 });
  jobs.working = await server.begin('ok', { search_filters: { ms: 600_000 } });
  jobs.waiting = await server.submit('ok', { priority: 9 });
  browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-component-update', '--disable-sync', '--disable-background-networking'],
  });
});

after(async () => {
  await browser?.close();
  await server?.end();
});

test('A stranger sees the login page, a wrong token is refused, a right one lets in', async () => {
  page = await newPage();
  await page.goto(server.url + '/jobs');
  await visible(heading('Log in to forager'));
  await look('login');
  await page.getByLabel('Token').fill('fgr_wrong');
  await button('Log in').click();
  await visible(text('The token is unknown or revoked.'));
  await page.getByLabel('Token').fill(server.token);
  await button('Log in').click();
  await visible(heading('Jobs'));
});

test('The login link opens the overview and its events arrive', async () => {
  page = await newPage();
  await page.goto(server.login);
  await visible(heading('Overview'));
  assert.equal(new URL(page.url()).pathname, '/');
  await visible(text('Live'));
});

test('The first load is small, cached for ever by name, and revalidated by tag', async () => {
  const sizes = await page.evaluate(() =>
    [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
      .filter((entry) => /\/$|assets|svg/.test(entry.name))
      .reduce((sum, entry) => sum + entry.encodedBodySize, 0),
  );
  assert.ok(sizes > 50_000 && sizes < 300 * 1024, `${sizes} bytes`);
  const html = await fetch(server.url + '/jobs/JOB-1-AAAAAAAAAA');
  assert.match(html.headers.get('content-security-policy'), /default-src 'none'; script-src 'self'; style-src 'self'/);
  const again = await fetch(server.url + '/', { headers: { 'If-None-Match': html.headers.get('etag') } });
  assert.equal(again.status, 304);
  const [, script] = /src="(\/assets\/[^"]+)"/.exec(await html.text());
  const asset = await fetch(server.url + script, { headers: { 'Accept-Encoding': 'identity' } });
  assert.match(asset.headers.get('cache-control'), /immutable/);
  assert.match(asset.headers.get('content-type'), /^text\/javascript/);
  assert.equal((await fetch(server.url + '/assets/nothing.js')).status, 404);
  assert.equal((await fetch(server.url + '/', { method: 'POST' })).status, 405);
});

test('The overview shows what runs, how long it may, and what finished', async () => {
  await open('/');
  await visible(page.getByRole('progressbar', { name: `Progress of ${jobs.working}` }));
  await visible(page.getByText(/Timeout in/));
  await visible(page.locator('.chart canvas'));
  await visible(heading('Stuck job monitor'));
  await look('overview');
});

test('Dispatch is paused and resumed, the next job run, from the overview', async () => {
  await open('/');
  await button('Pause all').click();
  await visible(text('Dispatch is paused: no new job is started.'));
  await button('Resume all').click();
  await visible(button('Pause all'));
  await button('Run next').click();
  await visible(page.getByText(/Started job JOB-/));
});

test('Stuck jobs are reset behind a preview of which', async () => {
  const id = await server.begin('ok', { search_filters: { ms: 600_000 } });
  await open('/');
  await button('Reset stuck jobs').click();
  await page.getByLabel('Jobs running for more than, in minutes').fill('1000');
  await visible(text('0 jobs'));
  await look('reset');
  await page.keyboard.press('Escape');
  await gone(page.getByRole('dialog'));
  await server.ask('POST', `/jobs/${id}/cancel`);
});

test('A new job is refused field by field, then created and run with the keyboard', async () => {
  await open('/');
  await page.keyboard.press('n');
  await page.getByLabel('Entity type').fill('No Such');
  await page.getByLabel('Job type', { exact: true }).fill('ok');
  await button('Create').click();
  await visible(page.getByText(/Entity type must be/));
  await look('create');
  await page.getByLabel('Entity type').fill('selftest');
  await button('Create and run').click();
  await page.waitForURL(/\/jobs\/JOB-/);
  await visible(page.locator('.job-head .status.completed'));
});

test('The list filters, sorts and searches in the address bar, and is live', async () => {
  await open('/jobs');
  await visible(page.getByRole('link', { name: jobs.working }));
  await look('jobs');
  await page.getByRole('group', { name: 'Status' }).getByRole('button', { name: 'failed' }).click();
  await page.waitForURL(/status=failed/);
  await visible(page.getByRole('link', { name: jobs.failed }));
  await gone(page.getByRole('link', { name: jobs.done }));
  await page.keyboard.press('/');
  await page.keyboard.type('maple');
  await page.waitForURL(/q=maple/);
  await gone(page.getByRole('link', { name: jobs.crashed }));
  await button('Clear').click();
  await page.waitForURL(/\/jobs$/);
  await page.goBack();
  await page.waitForURL(/q=maple/);
  await button('Clear').click();
  await page.getByLabel('Sort').selectOption('created_at');
  await page.waitForURL(/sort=created_at/);
  const id = await server.submit('ok');
  await visible(page.getByRole('link', { name: id }));
  await page.getByText('Columns').click();
  await page.getByLabel('Priority', { exact: true }).check();
  await visible(page.getByRole('columnheader', { name: 'Priority' }));
});

test('Jobs are chosen by click, range and filter, and deleted behind a dry run', async () => {
  const ids = [];
  for (let each = 0; each < 5; each++) ids.push(await server.submit('ok', { search_query: 'bulkward' }));
  await open('/jobs?q=bulkward');
  const box = (id) => page.getByLabel(`Select ${id}`);
  await box(ids[4]).click();
  await box(ids[1]).click({ modifiers: ['Shift'] });
  await visible(text('4 jobs selected'));
  await button('Cancel').click();
  await visible(page.getByText(/4 jobs are cancelled/));
  await look('bulk');
  await button('Cancel 4 jobs').click();
  await visible(text('Cancelled 4 job(s)'));
  await box(ids[0]).click();
  await button('Select all 5 matching').click();
  await visible(text('All 5 matching selected'));
  await button('Retry').click();
  await visible(page.getByText('1 other of the chosen is left as it is.'));
  await button('Retry 4 jobs').click();
  await visible(text('Retried 4 job(s)'));
  await page.getByLabel('Select the jobs of this page').click();
  await button('Delete').click();
  await button('Delete 5 jobs').click();
  await visible(heading('Jobs'));
  await visible(text('No job matches'));
});

test('A running job tells its progress and is cancelled and retried by key', async () => {
  await open(`/jobs/${jobs.working}`);
  await visible(page.getByRole('progressbar', { name: 'Progress' }));
  await visible(heading('What does it do?'));
  await look('job-running');
  await page.keyboard.press('c');
  await visible(page.locator('.job-head .status.cancelled'));
  await page.keyboard.press('t');
  await visible(page.locator('.job-head .status.pending'));
});

test('A log arrives while one looks; it is searched, paused and downloaded', async () => {
  const id = await server.submit('flood', { search_filters: { mb: 1 } });
  await open(`/jobs/${id}`);
  await visible(text('It has said nothing yet'));
  await page.keyboard.press('r');
  await visible(page.locator('.log-line'));
  await visible(page.locator('.job-head .status.completed'));
  await look('job-log');
  await page.getByLabel('Search the loaded lines').fill('nothing has this');
  await visible(text('No loaded line matches'));
  await page.getByLabel('Search the loaded lines').fill('');
  await heading('Log').click();
  await page.keyboard.press('p');
  await visible(button('Follow'));
  const download = page.waitForEvent('download');
  await button('Download').click();
  assert.equal((await download).suggestedFilename(), `${id}.log`);
});

test('A hung job shows when, how and where it hung', async () => {
  await server.ask('GET', `/jobs/${jobs.hung}`);
  await open(`/jobs/${jobs.hung}`);
  await visible(page.locator('.job-head .status.failed'));
  await page.locator('.timeline .span').click();
  await visible(page.getByRole('heading', { name: 'What it was doing when it hung' }));
  await look('job-hung');
});

test('A job that crashed names the signal; one with changes lists them', async () => {
  await open(`/jobs/${jobs.crashed}`);
  await visible(page.getByRole('cell', { name: 'SIGSEGV' }));
  await look('job-crashed');
  await open(`/jobs/${jobs.done}`);
  await visible(page.getByRole('region', { name: 'Changes table' }));
  await look('job-changes');
});

test('A job is duplicated and deleted', async () => {
  await open(`/jobs/${jobs.failed}`);
  await visible(button('Duplicate'));
  await page.keyboard.press('d');
  await visible(heading(`New job like ${jobs.failed}`));
  await page.keyboard.press('Escape');
  await page.keyboard.press('Delete');
  await button('Delete').last().click();
  await page.waitForURL(/\/jobs$/);
});

test('The palette finds pages and jobs, the sheet lists the keys', async () => {
  await open('/');
  await page.keyboard.press('Control+k');
  await visible(page.getByRole('combobox', { name: 'Find or do' }));
  await look('palette');
  await page.keyboard.type(jobs.done);
  await page.keyboard.press('Enter');
  await page.waitForURL(new RegExp(jobs.done));
  await page.keyboard.press('?');
  await visible(heading('Keys'));
  await look('keys');
  await page.keyboard.press('Escape');
  await gone(page.getByRole('dialog'));
});

test('Settings show the configuration; a token is shown once and revoked', async () => {
  await open('/settings');
  await visible(page.getByText('max_running').first());
  await look('settings');
  await button('New token').click();
  await page.getByLabel('Name').fill('ci');
  await button('Make the token').click();
  await visible(page.getByText(/^fgr_/));
  await button('I have kept it').click();
  await button('Revoke ci').click();
  await button('Revoke').last().click();
  await visible(page.getByText('revoked').first());
});

test('What is not there is said', async () => {
  await open('/jobs/JOB-1700000000-ABCDEFGHIJ');
  await visible(page.getByRole('alert'));
  await look('job-missing');
});

test('A lost connection is shown, and mended when the server is back', async () => {
  await open('/');
  await visible(text('Live'));
  const listen = new URL(server.url).host;
  await server.stop();
  await visible(text('Connection lost, retrying. What you see may be old.'));
  await look('lost');
  await server.run(listen);
  await gone(text('Connection lost, retrying. What you see may be old.'));
});

test('Nothing was asked of anybody else, and nothing broke', () => {
  assert.deepEqual(strays, []);
});
