// Looks at the site of `pnpm site` in a browser, Debian's chromium: light and dark, on a phone and on a desktop. Every
// page must be accessible (axe, WCAG 2.2 AA), fit the screen and load without errors; the search must find things.
import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { createRequire } from 'node:module';
import { extname, join, resolve } from 'node:path';
import { URL } from 'node:url';
import { chromium } from 'playwright-core';

const out = resolve('.site');
const axe = createRequire(import.meta.url).resolve('axe-core/axe.min.js');
const types = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.svg': 'image/svg+xml' };
const first = (folder) => `${folder}/${readdirSync(join(out, folder)).find((name) => name.endsWith('.html'))}`;
/** One page of each kind. The theme makes them alike. */
const kinds = ['index.html', ...['classes', 'functions', 'interfaces', 'modules', 'types', 'variables'].map(first)];
const guides = readdirSync(join(out, 'documents')).map((name) => `documents/${name}`);
const screens = { desktop: { width: 1280, height: 800 }, phone: { width: 375, height: 700 } };

const server = createServer(({ url = '/' }, response) => {
  try {
    const { pathname } = new URL(url, 'http://localhost');
    response.setHeader('content-type', types[extname(pathname)] ?? 'application/octet-stream');
    response.end(readFileSync(join(out, decodeURIComponent(pathname))));
  } catch {
    response.writeHead(404).end();
  }
}).listen(0, '127.0.0.1');
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox'],
});
const faults = [];
try {
  for (const [screen, viewport] of Object.entries(screens)) {
    for (const colorScheme of ['light', 'dark']) await look(screen, viewport, colorScheme);
  }
  await search();
} finally {
  await browser.close();
  server.close();
}
assert.equal(faults.length, 0, `${faults.length} faults`);
console.log(`${kinds.length + guides.length} pages, light and dark, on a phone and on a desktop`);

async function look(screen, viewport, colorScheme) {
  const page = await browser.newPage({ viewport, colorScheme });
  let name = '';
  const report = (what) => {
    faults.push(what);
    console.error(`${name} (${screen}, ${colorScheme}): ${what}`);
  };
  page.on('pageerror', (error) => report(error.message));
  page.on('response', (response) => response.ok() || report(`${response.status()} ${response.url()}`));
  const options = {
    runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa'],
    // The theme has links in the summaries of its navigation. The keyboard reaches both.
    rules: { 'nested-interactive': { enabled: false } },
  };
  for (name of [...kinds, ...guides]) {
    await page.goto(urlOf(name), { waitUntil: 'load' });
    const overflow = await page.evaluate('document.documentElement.scrollWidth - innerWidth');
    if (overflow > 0) report(`${overflow} px wider than the screen`);
    await page.addScriptTag({ path: axe });
    const { violations } = await page.evaluate((given) => globalThis.axe.run(given), options);
    for (const { id, nodes } of violations) report(`${id}: ${nodes.map(({ html }) => html.slice(0, 100)).join(' ')}`);
  }
  await page.close();
}

async function search() {
  const page = await browser.newPage();
  await page.goto(urlOf('index.html'));
  await page.locator('#tsd-search-trigger').click();
  await page.locator('#tsd-search-input').fill('UnixSocketTransport');
  await page.locator('#tsd-search-results a', { hasText: 'UnixSocketTransport' }).first().click();
  await page.waitForURL(/UnixSocketTransport/);
}

function urlOf(name) {
  return `http://127.0.0.1:${server.address().port}/${name}`;
}
