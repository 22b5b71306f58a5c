import type { Plugin } from 'vite';

/** SHA-256 of the names and texts of all shaders in `folder`. */
export function hashShaders(folder: string): string;
/** A Vite plugin that puts it in the place of the texts in src/kernels/sources.ts. */
export function hashWgsl(folder: string): Plugin;
