// Draws the icons and the screenshots of the page: `npx playwright test --config e2e/pictures.config.ts`.

import base from './playwright.config.ts';

export default { ...base, testDir: './pictures', testMatch: '*.ts' };
