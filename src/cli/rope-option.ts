import { readFileSync } from 'node:fs';
import { checkRopeScaling, type RopeScaling } from '../architecture/rope-scaling.ts';

/** A line of a command's usage on `--rope-scaling`. */
export const ROPE_USAGE =
  'scales positions for a longer context: TYPE:FACTOR[:TOKENS] or FILE.json, see docs/ENGINE.md';

const SHORT = /^([a-z]+):(\d+(?:\.\d+)?)(?::(\d+))?$/;

/**
 * Reads the option `--rope-scaling`: `yarn:4`, `yarn:4:4096` with the context that the model was trained on, or a JSON file
 * with the fields of `RopeScaling`.
 * @throws BambaError `setting_invalid`; Error for a file that cannot be read
 */
export function readRopeScaling(text: string | undefined): RopeScaling | undefined {
  if (text === undefined) return undefined;
  const [, type, factor, original] = SHORT.exec(text) ?? [];
  const scaling =
    type === undefined
      ? readFile(text)
      : { type, factor: Number(factor), ...(original !== undefined && { originalContextLength: Number(original) }) };
  checkRopeScaling(scaling as RopeScaling);
  return scaling as RopeScaling;
}

function readFile(file: string): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    const { message } = cause as Error;
    throw new Error(
      `--rope-scaling takes TYPE:FACTOR, such as yarn:4, or a JSON file; ${file} is neither: ${message}.`,
      {
        cause,
      },
    );
  }
}
