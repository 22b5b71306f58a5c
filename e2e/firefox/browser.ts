// Firefox without a window, on SwiftShader: a second browser with a second compiler of shaders. It is driven over WebDriver
// BiDi, as Playwright takes only a Firefox of its own.

import puppeteer, { type Browser, type Page } from 'puppeteer-core';
import { findFirefox } from '../../src/tools/machine/firefox.mjs';
import { vulkanFacts } from '../../src/tools/machine/vulkan.mjs';

/** On SwiftShader without subgroups, a token of Lexicon takes seconds, and more where other tests run beside it. */
export const PATIENCE = 900_000;

const { loaderFolder, swiftshader } = vulkanFacts();
const program = findFirefox();

/** Why there is no Firefox to test with; undefined where there is one. */
export const missing = program
  ? swiftshader
    ? undefined
    : 'no Chromium whose SwiftShader Firefox could use'
  : 'no Firefox (on Debian: apt-get install firefox-esr)';
if (missing) console.warn(`SKIPPED: the tests in Firefox: there is ${missing}.`);

/** Starts Firefox with a profile of its own, which goes when it is closed. */
export function openFirefox(): Promise<Browser> {
  return puppeteer.launch({
    browser: 'firefox',
    executablePath: program!,
    headless: true,
    timeout: PATIENCE,
    protocolTimeout: PATIENCE,
    env: { ...process.env, VK_ICD_FILENAMES: swiftshader, LD_LIBRARY_PATH: loaderFolder },
    // Linux is not among the systems that Firefox gives WebGPU on.
    extraPrefsFirefox: { 'dom.webgpu.enabled': true, 'gfx.webgpu.ignore-blocklist': true },
  });
}

/** A tab, and what went wrong in it: exceptions and errors in the console, which every test wants none of. */
export interface QuietPage {
  page: Page;
  noises: string[];
}

/** Opens a tab whose noises are heard from the beginning. */
export async function openPage(browser: Browser): Promise<QuietPage> {
  const page = await browser.newPage();
  page.setDefaultTimeout(PATIENCE);
  const noises: string[] = [];
  page.on('console', (message) => {
    if (message.type() === 'error') noises.push(message.text());
  });
  page.on('pageerror', (error) => noises.push(String(error)));
  return { page, noises };
}
