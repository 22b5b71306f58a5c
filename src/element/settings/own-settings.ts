// A system prompt, and how answers are drawn: of one chat alone, or under a name.

import * as v from 'valibot';
import { samplingSchema, SETTING_FIELDS, type SettingOverrides } from './sampling-settings.ts';

/** Settings as a whole. */
export interface OwnSettings {
  /** Said before the chat; nothing where it is empty. */
  readonly system: string;
  /** The settings; a missing one means the model's default. */
  readonly sampling: SettingOverrides;
}

/** Settings as they are kept. A value that is not valid any longer is left out. */
export const ownSettingsSchema = v.object({
  system: v.fallback(v.string(), ''),
  sampling: samplingSchema,
});

/** Whether two settings say the same. */
export function sameSettings(one: OwnSettings, other: OwnSettings): boolean {
  return (
    one.system.trim() === other.system.trim() &&
    SETTING_FIELDS.every(({ name }) => one.sampling[name] === other.sampling[name])
  );
}
