// The real engine in a Chromium whose WebGPU finds no graphics adapter.

import { chromium, expect, test } from '@playwright/test';
import { CHROMIUM_FLAGS_WITHOUT_ADAPTER, chromiumPath } from '../src/testing/browser/chromium.ts';

test('without an adapter the page says what to do, and downloads nothing', async ({ baseURL }) => {
  const browser = await chromium.launch({ executablePath: chromiumPath(), args: [...CHROMIUM_FLAGS_WITHOUT_ADAPTER] });
  try {
    const page = await browser.newPage();
    const shards: string[] = [];
    page.on('request', (request) => {
      if (request.url().endsWith('.bin')) shards.push(request.url());
    });
    await page.goto(baseURL!);
    await expect(page.getByRole('heading', { name: 'This page needs WebGPU' })).toBeVisible();
    await expect(page.getByText('chrome://flags').or(page.getByText('--enable-unsafe-webgpu')).first()).toBeVisible();
    expect(shards).toEqual([]);
  } finally {
    await browser.close();
  }
});
