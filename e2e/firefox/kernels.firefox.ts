// Every kernel compiles in Firefox: for int8 where it may be, and in every scheme where everything is tested. Its compiler is another than Chromium's, and a text that it dies of takes
// the whole browser with it.

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Browser, Page } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { assemble, type Kernel, type Variant } from '../../src/gpu/kernel.ts';
import { shaderLibrary } from '../../src/kernels/shared/library.ts';
import { allKernels } from '../../src/testing/kernels/all-kernels.ts';
import { ALL } from '../../src/testing/extent.ts';
import { schemesOf } from '../../src/testing/kernels/schemes.ts';
import { missing, openFirefox, openPage, PATIENCE } from './browser.ts';

/** Kernels on subgroup matrices, an experiment of Chromium, are for no other browser. */
const KERNELS = [...allKernels.values()].filter(({ name }) => !name.includes('subgroup_matrix'));

describe.skipIf(missing)('in Firefox', () => {
  let server: Server;
  let browser: Browser;
  let page: Page;
  let features: Variant;

  beforeAll(async () => {
    server = createServer((_, response) =>
      response.setHeader('content-type', 'text/html').end('<title>Kernels</title>'),
    );
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    browser = await openFirefox();
    ({ page } = await openPage(browser));
    await page.goto(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
    features = await page.evaluate(async () => {
      const has = (await navigator.gpu.requestAdapter())!.features;
      const byteProducts = navigator.gpu.wgslLanguageFeatures.has('packed_4x8_integer_dot_product');
      return { subgroups: has.has('subgroups'), f16: has.has('shader-f16'), byteProducts };
    });
  }, PATIENCE);

  afterAll(async () => {
    await browser?.close();
    server?.close();
  });

  /** Compiles texts with the values that their overrides have of themselves. @returns what the compiler refuses them for */
  const refusals = (texts: string[], { name }: Kernel): Promise<string[]> =>
    page.evaluate(
      async (codes, entryPoint) => {
        const adapter = await navigator.gpu.requestAdapter();
        const device = await adapter!.requestDevice();
        const compile = async (code: string): Promise<string[]> => {
          const compute = { module: device.createShaderModule({ code }), entryPoint };
          return device.createComputePipelineAsync({ layout: 'auto', compute }).then(
            () => [],
            (error: Error) => [error.message],
          );
        };
        const results = (await Promise.all(codes.map(compile))).flat();
        device.destroy();
        return results;
      },
      texts,
      name,
    );

  test.for(KERNELS)('$name compiles', { timeout: PATIENCE }, async (kernel) => {
    const schemes = schemesOf(kernel);
    const some = ALL || !schemes.includes('int8') ? schemes : (['int8'] as const);
    const texts = some.map((scheme) => assemble(kernel, { ...features, scheme }, shaderLibrary));
    expect(await refusals([...new Set(texts)], kernel)).toEqual([]);
  });
});
