// The page of last resort: it stands on its own, and works where the app's own files do not.

import { offerReset } from './reset-shell.ts';

offerReset(document, () => location.replace('./'));
