/**
 * The version of this library, as in package.json. Tabs that share an engine have the same: what they say to each other
 * is of no fixed form between versions.
 */
export const VERSION = '0.2.0';
