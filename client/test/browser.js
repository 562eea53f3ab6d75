// SPDX-License-Identifier: MIT
// A real browser for the tests of one file, here and of the console.

import { after, before } from 'node:test';
import { chromium } from 'playwright-core';

/** Starts it before the first test, and ends it after the last; returns a
 * function that gives it. */
export function useBrowser() {
  let browser;
  before(async () => {
    browser = await chromium.launch({
      executablePath: process.env.CHROMIUM || '/usr/bin/chromium',
      args: ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic',
        '--no-first-run', '--disable-background-networking',
        '--disable-component-update', '--disable-sync'],
    });
  });
  after(() => browser?.close());
  return () => browser;
}
