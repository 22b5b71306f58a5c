import { describe, expect, it } from 'vitest';
import { OnnxGraph } from './onnx.ts';
import { Message } from './protobuf.ts';

describe('a message', () => {
  it('is written as the encoding says', () => {
    // The examples of the encoding's own documentation, and the extremes of a varint.
    expect([...new Message().integer(1, 150).encode()]).toEqual([0x08, 0x96, 0x01]);
    expect([...new Message().string(2, 'testing').encode()]).toEqual([0x12, 7, ...new TextEncoder().encode('testing')]);
    expect([...new Message().message(3, new Message().integer(1, 150)).encode()]).toEqual([0x1a, 3, 0x08, 0x96, 0x01]);
    expect([...new Message().integer(1, -1).encode()]).toEqual([0x08, ...Array<number>(9).fill(0xff), 1]);
    expect([...new Message().integer(20, 0).encode()]).toEqual([0xa0, 0x01, 0]);
    expect([...new Message().float(2, 1).encode()]).toEqual([0x15, 0, 0, 0x80, 0x3f]);
  });
});

describe('a graph', () => {
  it('names what it makes, and says which operators are the runtime’s own', () => {
    const graph = new OnnxGraph();
    expect(graph.node('Split', 'parts', ['x'], {}, 3)).toEqual(['parts', 'parts:1', 'parts:2']);
    graph.nodeInto('LinearAttention', ['a', ''], ['b'], { scale: { float: 1 }, update_rule: { text: 'gated' } });
    const text = new TextDecoder('latin1').decode(graph.encode());
    expect(text).toContain('Split');
    // Field 7 of the node, its domain, and field 2 of the second operator set, its version.
    expect(text.match(/com\.microsoft/g)).toHaveLength(2);
    expect(text).toContain('gated');
  });
});
