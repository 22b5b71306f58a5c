// Holds other runtimes to our logits, before they are measured beside us: `npm run test:peers`.

import base from './playwright.config.ts';

export default { ...base, testDir: './peers', testMatch: '*.ts' };
