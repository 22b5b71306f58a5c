// A small model of each family, loaded by the library from a hub into Firefox: its answers are those of the reference.

import { createHash } from 'node:crypto';
import { rm } from 'node:fs/promises';
import type { Browser } from 'puppeteer-core';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { architectureOf, stateTraits } from '../../src/testing/checkpoints/config-traits.ts';
import { covering } from '../../src/testing/extent.ts';
import { familyCheckpoint } from '../../src/testing/checkpoints/family-checkpoint.ts';
import { FAMILY_CONFIGS } from '../../src/testing/checkpoints/family-configs.ts';
import { readCheckpointModel } from '../../src/testing/models/golden.ts';
import { greedyAnswer } from '../../src/testing/models/greedy-answer.ts';
import { NO_SPECIAL, readTinyModel, tinyCheckpoint } from '../../src/testing/models/tiny-model.ts';
import { memorySource } from '../../src/weights/byte-source.ts';
import { buildHubPage, type HubServer, serveHubPage } from '../hub-server.ts';
import { missing, openFirefox, openPage, PATIENCE, type QuietPage } from './browser.ts';

const PROMPT = 'What is it?';
const TOKENS = 6;

/** One small model a family, or a kind of state, each with the tokenizer of the tiny model. */
const FAMILIES = new Map(
  covering(FAMILY_CONFIGS, (config) => stateTraits(architectureOf(config))).map(([, config]) => [
    String(config['model_type']),
    config,
  ]),
);

describe.skipIf(missing)('in Firefox', () => {
  let folder: string;
  let server: HubServer;
  let browser: Browser;
  let tab: QuietPage;

  beforeAll(async () => {
    folder = await buildHubPage();
    server = await serveHubPage(folder, tinyCheckpoint());
    browser = await openFirefox();
    tab = await openPage(browser);
    await tab.page.goto(server.url);
  }, PATIENCE);

  afterAll(async () => {
    await browser?.close();
    await server?.close();
    await rm(folder, { recursive: true, force: true });
  });

  /** Loads the hub's model in the page, asks it, and lets it go. */
  const answer = (): Promise<string> =>
    tab.page.evaluate(
      async (prompt, maxTokens, logitBias) => {
        const { createEngine } = window.bamba;
        // A context so short spares the programs that only longer prompts take.
        const options = { model: 'org/name', endpoint: location.origin, dtype: 'f32', contextLength: 32 } as const;
        const engine = await createEngine(options);
        let text = '';
        for await (const event of engine.generate({ prompt, maxTokens, logitBias })) {
          if (event.type === 'text') text += event.text;
        }
        await engine.dispose();
        return text;
      },
      PROMPT,
      TOKENS,
      NO_SPECIAL,
    );

  test('bamba answers as the reference does', { timeout: PATIENCE }, async () => {
    expect(await answer()).toBe(greedyAnswer(await readTinyModel(), PROMPT, TOKENS));
  });

  test.for([...FAMILIES])('%s answers as the reference does', { timeout: PATIENCE }, async ([family, config]) => {
    const files = familyCheckpoint(config);
    server.hub.files = new Map(Object.entries(files));
    server.hub.commit = createHash('sha1').update(family).digest('hex');
    expect(await answer()).toBe(greedyAnswer(await readCheckpointModel(memorySource(files)), PROMPT, TOKENS));
    expect(tab.noises).toEqual([]);
  });
});
