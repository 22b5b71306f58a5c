import { rmsNorm } from './rms_norm.ts';
import { at, rowCount, type Values } from './values.ts';

/** How q and k lie in a row of qkv, and over what each is normed. */
export interface HeadNormDims {
  heads: number;
  /** J */
  kvHeads: number;
  headDim: number;
  /** Over each head, or over the whole width of q and of k. */
  over: 'head' | 'width';
}

/**
 * RMSNorm of q and of k in qkv (T, heads + 2J, headDim), v as it is.
 * @param weight of q, then of k: (headDim) each over heads, (heads * headDim) and (J * headDim) over widths
 */
export function headNorm(
  qkv: Values,
  weight: Values,
  { heads, kvHeads, headDim, over }: HeadNormDims,
  eps: number,
): Float64Array {
  const [wide, narrow] = [heads * headDim, kvHeads * headDim];
  const widths = over === 'head' ? [headDim, headDim] : [wide, narrow];
  const y = Float64Array.from(qkv);
  const norm = (first: number, count: number, weightFirst: number) => {
    const row = y.subarray(first, first + count);
    row.set(
      rmsNorm(
        row,
        Float64Array.from({ length: count }, (_, i) => at(weight, weightFirst + i)),
        eps,
      ),
    );
  };
  for (let t = 0; t < rowCount(qkv, wide + 2 * narrow); t++) {
    const first = t * (wide + 2 * narrow);
    for (let i = 0; i < wide; i += widths[0]!) norm(first + i, widths[0]!, 0);
    for (let i = 0; i < narrow; i += widths[1]!) norm(first + wide + i, widths[1]!, widths[0]!);
  }
  return y;
}
