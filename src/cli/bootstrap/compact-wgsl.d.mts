import type { Plugin } from 'vite';

/** Short names for what the shaders in `folder` declare. */
export function shortNames(folder: string): Map<string, string>;
/** The text of a shader, or of a part of one, as the package ships it. */
export function compactShader(text: string, names: ReadonlyMap<string, string>): string;
/** A Vite plugin that makes every shader compact. */
export function compactWgsl(folder: string): Plugin;
