import { beforeEach, expect, it, vi } from 'vitest';
import { MapStorage } from '../../testing/browser/map-storage.ts';
import type { ChatOptions } from '../chat-options.ts';
import { ModelSettings } from '../models/model-settings.ts';
import type { OwnSettings } from './own-settings.ts';
import { ScopedSettings } from './scoped-settings.ts';

beforeEach(() => {
  vi.stubGlobal('localStorage', new MapStorage());
});

it('are those of the model until the chat has its own, and are set where they come from', () => {
  const page = { model: 'a/b', system: 'Of the page.', history: '' } as ChatOptions;
  const model = new ModelSettings(page);
  model.reset(false);
  const archive: { own: OwnSettings | undefined } = { own: undefined };
  const scoped = new ScopedSettings(model, archive);
  expect([scoped.own, scoped.system, scoped.sampling]).toEqual([false, 'Of the page.', {}]);
  scoped.use({ system: 'Of the model.', sampling: { topK: 4 } });
  expect([model.system, model.overrides]).toEqual(['Of the model.', { topK: 4 }]);
  // A chat of its own begins with what holds.
  scoped.own = true;
  expect(archive.own).toEqual({ system: 'Of the model.', sampling: { topK: 4 } });
  scoped.system = '';
  scoped.sampling = { temperature: 1 };
  expect([scoped.system, scoped.sampling]).toEqual(['', { temperature: 1 }]);
  expect([model.system, model.overrides]).toEqual(['Of the model.', { topK: 4 }]);
  // Saying so again changes nothing.
  const { own } = archive;
  scoped.own = true;
  expect(archive.own).toBe(own);
  scoped.own = false;
  expect([archive.own, scoped.system]).toEqual([undefined, 'Of the model.']);
});
