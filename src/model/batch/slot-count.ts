import { BufferTally, type SliceMaker, wholeBuffers } from '../../gpu/buffers.ts';
import { type GpuLimits, largestBinding } from '../../gpu/device.ts';
import { MOST_SLOTS } from '../../gpu/plan.ts';
import type { Architecture } from '../../architecture/architecture.ts';
import { createActivations } from '../activations.ts';
import { fixedState } from '../state.ts';
import { SlotPools } from './slot-pools.ts';

/** Slots that a step may be for: as many as are taken, or somewhat more. */
export const WIDTHS: readonly number[] = [1, 2, 4, 8, MOST_SLOTS];

/** Makes what every slot has in ranges of common buffers. */
function makePooled(maker: SliceMaker, architecture: Architecture): void {
  for (const index of architecture.blocks.keys()) fixedState(maker, architecture, index, 'f32');
  createActivations(maker, architecture, 1, { decodeOnly: true });
}

/** Bytes of the largest range that a slot has in a common buffer. */
export function largestRange(architecture: Architecture): number {
  const tally = new BufferTally();
  makePooled(wholeBuffers(tally), architecture);
  return tally.largest;
}

/**
 * Slots for `wanted` sequences, 1, 2, 4, 8 or 16 of them, or as many fewer as leave no buffer larger than a device can bind.
 */
export function slotsThatFit(architecture: Architecture, limits: GpuLimits, wanted: number): number {
  const enough = WIDTHS.find((width) => width >= wanted) ?? MOST_SLOTS;
  const fits = (slots: number) => {
    const tally = new BufferTally();
    makePooled(new SlotPools(tally, slots).ofSlot(0), architecture);
    return tally.largest <= largestBinding(limits);
  };
  return WIDTHS.findLast((width) => width <= enough && fits(width)) ?? 1;
}
