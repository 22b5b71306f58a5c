import { ENGINE_MUTATIONS } from './engine.ts';
import { KERNEL_MUTATIONS } from './kernels.ts';
import type { Mutation } from './mutation.ts';

/** All faults that the tests are tried with: `npm run mutate`. */
export const MUTATIONS: readonly Mutation[] = [...KERNEL_MUTATIONS, ...ENGINE_MUTATIONS];
