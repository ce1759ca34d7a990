// What every test file stands on: a server of its own, a browser, words for looking and waiting. Registers the
// checks that hold for all of them: no request leaves the server, nothing breaks in the page.
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
const WAIT_MS = 10_000;
const ARGS = [
  ...['--no-sandbox', '--disable-gpu', '--disable-component-update', '--disable-sync'],
  '--disable-background-networking',
];
export const SIZES = { wide: { width: 1440, height: 900 }, phone: { width: 390, height: 844 } };

export class Stage {
  strays = []; // requests that left the server, and errors of the page
  server;
  browser;
  page;

  // A browser of its own: nothing is logged in. `token`: as if it had been.
  async newPage({ token, size = SIZES.wide } = {}) {
    const context = await this.browser.newContext({ viewport: size });
    if (token) await context.addInitScript((text) => sessionStorage.setItem('forager.token', text), token);
    const page = await context.newPage();
    page.setDefaultTimeout(WAIT_MS);
    page.on('request', (request) => {
      const { protocol, origin } = new URL(request.url());
      if (protocol.startsWith('http') && origin !== this.server.url) this.strays.push(`asked ${request.url()}`);
    });
    page.on('pageerror', (error) => this.strays.push(`error ${error.message}`));
    page.on('console', (message) => {
      if (message.type() === 'error' && /Content Security Policy/.test(message.text())) this.strays.push(message.text());
    });
    return page;
  }

  async enter(options) {
    this.page = await this.newPage({ token: this.server.token, ...options });
  }

  async open(path) {
    await this.page.goto(this.server.url + path);
    await this.visible(this.page.locator('main#content'));
  }

  visible = (locator) => locator.first().waitFor({ state: 'visible' });
  gone = (locator) => locator.first().waitFor({ state: 'detached' });
  text = (words) => this.page.getByText(words);
  button = (name) => this.page.getByRole('button', { name, exact: true });
  link = (name) => this.page.getByRole('link', { name, exact: true });
  heading = (name) => this.page.getByRole('heading', { name, exact: true });
  // Keys belong to the page only while nobody types.
  async press(key) {
    await this.page.evaluate(() => document.activeElement?.blur());
    await this.page.keyboard.press(key);
  }

  async axe(name) {
    // Through the debugger: the page's own policy lets no script in.
    if (!(await this.page.evaluate(() => 'axe' in window))) await this.page.evaluate(AXE);
    const violations = await this.page.evaluate(async () => {
      const { violations: found } = await window.axe.run(document, { resultTypes: ['violations'] });
      return found.map((each) => `${each.id}: ${each.help}: ${each.nodes.map((node) => node.html).join(' | ')}`);
    });
    assert.deepEqual(violations, [], `axe on ${name}`);
  }

  // Both themes and both widths: axe finds nothing, nothing sticks out.
  async look(name) {
    const { page } = this;
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
        await this.axe(where);
        const overflow = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(overflow <= 0, `${where} is ${overflow} px too wide`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light' });
    await page.setViewportSize(SIZES.wide);
  }
}

// Sets the stage of a test file; `prepare` fills it. `settings`: further lines of the configuration.
export function stage(prepare = async () => {}, settings = '') {
  const made = new Stage();
  before(async () => {
    made.server = await Server.start(settings);
    await prepare(made);
    made.browser = await chromium.launch({ executablePath: CHROMIUM, args: ARGS });
    await made.enter();
  });
  after(async () => {
    await made.browser?.close();
    await made.server?.end();
  });
  return made;
}

// To be called last in each file.
export function nothingWentAstray(made) {
  test('Nothing was asked of anybody else, and nothing broke', () => {
    assert.deepEqual(made.strays, []);
  });
}
