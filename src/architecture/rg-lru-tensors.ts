import type { TensorSource, TensorSpec } from '../weights/types.ts';
import type { Architecture } from './architecture.ts';
import { biasTensors, matrix, plain } from './block-tensors.ts';

/**
 * Recurrent block `ours` of Griffin, from the checkpoint's module `theirs`. The matrices of its gates stay f32: what they
 * decide is multiplied with itself at every token.
 */
export function rgLruTensors(ours: string, theirs: string, { hiddenSize: C, rgLru }: Architecture): TensorSpec[] {
  const { width: w, heads: H, convWidth: K } = rgLru!;
  const D = w / H;
  const name = (part: string) => `${ours}.rg_lru.${part}`;
  const linear = (part: string): TensorSource => ({ name: `${theirs}.linear_${part}.weight`, shape: [w, C] });
  const into: TensorSpec = { ...matrix(name('in_proj'), [2 * w, C], theirs), sources: [linear('y'), linear('x')] };
  const out = matrix(name('out_proj'), [C, w], `${theirs}.linear_out.weight`);
  const gate = (part: string): TensorSource => ({ name: `${theirs}.rg_lru.${part}_gate_weight`, shape: [H, D, D] });
  const bias = (ourPart: string, part: string): TensorSpec => ({
    ...plain(name(ourPart), [w], null),
    sources: [{ name: `${theirs}.rg_lru.${part}_gate_bias`, shape: [H, D], flat: true }],
  });
  return [
    into,
    ...biasTensors(name('in_proj_bias'), into, true),
    plain(name('conv1d_weight'), [w, K], `${theirs}.conv_1d.weight`, [w, 1, K]),
    plain(name('conv1d_bias'), [w], `${theirs}.conv_1d.bias`),
    // The matrices of the input gate, then of the recurrence gate: a row for each input.
    { ...plain(name('gates'), [2 * w, D], null), sources: [gate('input'), gate('recurrent')] },
    bias('input_bias', 'input'),
    bias('recurrence_bias', 'recurrent'),
    plain(name('parameter'), [w], `${theirs}.rg_lru.recurrent_param`),
    out,
    ...biasTensors(name('out_proj_bias'), out, true),
  ];
}
