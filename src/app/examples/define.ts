// The element alone, for pages that have all the rest in their HTML.

import 'bamba-web/define';
