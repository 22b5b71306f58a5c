// The findings of axe: https://github.com/dequelabs/axe-core.

import { AxeBuilder } from '@axe-core/playwright';
import type { Page } from '@playwright/test';

/** The faults that axe finds in the shown page, a text each: the rule, the elements, and why. */
export async function violations(page: Page): Promise<string[]> {
  // The page has no frames. To look into those, axe opens a tab of its own, which takes longer than the looking.
  const { violations: found } = await new AxeBuilder({ page }).setLegacyMode().analyze();
  return found.map(
    ({ id, nodes }) => `${id}: ${nodes.map(({ html, any }) => `${html} ${any[0]?.message ?? ''}`).join('\n')}`,
  );
}
