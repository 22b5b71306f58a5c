import type { Plugin } from 'vite';

/** A Vite plugin that leaves the shaders of rarer families out of the worker. */
export function withoutFamilies(): Plugin;
