// Debian's Chromium, driven by Playwright; axe-core looks at every page that a walk comes to. Run in the folder that holds
// node_modules. A fault is said on stderr with where it was seen, and ends the program with 1.
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';

const require = createRequire(`${process.cwd()}/`);
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

export const SMALL = { width: 320, height: 640 };
export const LARGE = { width: 1280, height: 800 };
// WCAG 2.2 at AA, and all that it is built on
const RULES = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];

export const [gateway, screenshots] = process.argv.slice(2);
mkdirSync(screenshots, { recursive: true });

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
    '--disable-component-update', '--disable-sync'],
});

/// Each walk in a browser that nobody has used, with and without JavaScript, on a small screen and a large one.
export async function everywhere(name, walk) {
  for (const [size, viewport] of Object.entries({ small: SMALL, large: LARGE })) {
    for (const javaScriptEnabled of [true, false]) {
      const script = javaScriptEnabled ? 'js' : 'nojs';
      const context = await browser.newContext({ viewport, javaScriptEnabled });
      const visit = new Visit(context, await context.newPage(), `${name}-${size}-${script}`, javaScriptEnabled);
      try {
        await walk(visit);
      } catch (error) {
        await visit.page.screenshot({ path: join(screenshots, `FAILED-${visit.name}.png`), fullPage: true });
        console.error(`${visit.name} at ${visit.page.url()}: ${error.stack}\n${await visit.page.content()}`);
        process.exitCode = 1;
      }
      assert.deepEqual(visit.heard, [], `${visit.name}: the browser complained, or something was fetched from elsewhere`);
      await context.close();
    }
  }
}

export async function done() {
  await browser.close();
}

class Visit {
  constructor(context, page, name, scripted) {
    Object.assign(this, { context, page, name, scripted, heard: [], shots: 0 });
    page.on('console', (message) => {
      // a page that says no is shown by its status, which Chromium repeats here
      if (message.type() === 'error' && !/status of 4\d\d/.test(message.text())) this.heard.push(message.text());
    });
    page.on('pageerror', (error) => this.heard.push(String(error)));
    page.on('request', (request) => {
      const host = new URL(request.url()).hostname;
      if (!['127.0.0.1', 'localhost'].includes(host)) this.heard.push(request.url());
    });
  }

  async goto(path) {
    return this.page.goto(new URL(path, gateway).href);
  }

  /// A page of ours, wherever it was come to by: nothing for axe to say, nothing to scroll sideways for, one heading; and its picture.
  async looksRight(what) {
    const { page } = this;
    assert.equal(await page.locator('h1').count(), 1, `${what}: one heading`);
    assert.equal(await page.locator('script').count(), 0, `${what}: no script`);
    assert.equal(await page.locator('[style], [onclick], style').count(), 0, `${what}: nothing inline`);
    await page.screenshot({ path: join(screenshots, `${this.name}-${++this.shots}-${what}.png`), fullPage: true });
    const wide = await this.asked('document.documentElement.scrollWidth');
    assert.ok(wide <= page.viewportSize().width, `${what}: ${wide} pixels wide`);
    const found = await this.axe();
    const told = found.violations.map((one) => `${one.id}: ${one.help} ${one.nodes.map((node) => node.html).join(' | ')}`);
    assert.deepEqual(told, [], `${what}: axe`);
  }

  /// Playwright speaks to the page beside its own scripts, which the page's policy, or the lack of JavaScript, would not let run.
  async asked(expression) {
    const devtools = await this.context.newCDPSession(this.page);
    const answer = await devtools.send('Runtime.evaluate', { expression, returnByValue: true, awaitPromise: true });
    await devtools.detach();
    assert.equal(answer.exceptionDetails, undefined, JSON.stringify(answer.exceptionDetails));
    return answer.result.value;
  }

  async axe() {
    if (!this.scripted) return this.axeElsewhere();
    return this.asked(`${axe}; axe.run({ runOnly: ${JSON.stringify(RULES)} })`);
  }

  /// Without JavaScript axe could not run: it looks at the very same markup and style in a page of its own.
  async axeElsewhere() {
    const html = await this.page.content();
    const context = await browser.newContext({ viewport: this.page.viewportSize() });
    const page = await context.newPage();
    await page.route(this.page.url(), (route) => route.fulfill({ contentType: 'text/html; charset=utf-8', body: html }));
    await page.goto(this.page.url());
    const twin = new Visit(context, page, this.name, true);
    const found = await twin.axe();
    await context.close();
    return found;
  }

  /// Tab by tab, as somebody without a mouse: what has the focus, by its text.
  async tab() {
    await this.page.keyboard.press('Tab');
    return this.asked('(document.activeElement.textContent || document.activeElement.tagName).trim()');
  }

  async tabTo(text) {
    for (let n = 0; n < 60; n++) {
      if ((await this.tab()) === text) return;
    }
    assert.fail(`no way to "${text}" by keyboard`);
  }
}
