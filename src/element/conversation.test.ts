import { describe, expect, it } from 'vitest';
import type { Engine, EngineInfo, GenerationEvent, GenerationRequest, Usage } from '../engine/protocol.ts';
import { BambaError } from '../errors.ts';
import { Conversation, type Turn } from './conversation.ts';
import { requestFor } from './prompting.ts';

const CHATS = { model: { hasChatTemplate: true } } as EngineInfo;

const USAGE: Usage = {
  promptTokens: 3,
  cachedTokens: 0,
  completionTokens: 2,
  timeToFirstTokenS: 0.1,
  prefillTokensPerS: 30,
  decodeTokensPerS: 20,
};

/** An engine whose events the test hands out one by one. */
class HandEngine implements Engine {
  readonly info = undefined as never;
  readonly requests: GenerationRequest[] = [];
  readonly signals: AbortSignal[] = [];
  #waiting: ((step: GenerationEvent | Error) => void) | undefined;

  async *generate(request: GenerationRequest, options?: { signal?: AbortSignal }): AsyncGenerator<GenerationEvent> {
    this.requests.push(request);
    if (options?.signal) this.signals.push(options.signal);
    for (;;) {
      const step = await new Promise<GenerationEvent | Error>((resolve) => {
        this.#waiting = resolve;
      });
      if (step instanceof Error) throw step;
      yield step;
      if (step.type === 'end') return;
    }
  }

  async give(step: GenerationEvent | Error): Promise<void> {
    this.#waiting?.(step);
    await settle();
  }

  async text(text: string): Promise<void> {
    await this.give({ type: 'text', text, ids: [1] });
  }

  async end(finishReason: 'stop' | 'length' | 'abort' = 'stop'): Promise<void> {
    await this.give({ type: 'end', finishReason, usage: USAGE });
  }

  async dispose(): Promise<void> {
    // Nothing is held.
  }
}

async function settle(): Promise<void> {
  await new Promise((resolve) => {
    setTimeout(resolve, 0);
  });
}

function begin(): {
  conversation: Conversation;
  engine: HandEngine;
  ended: Turn[];
  failures: { fault: BambaError; restored: string | undefined }[];
  notices: string[];
} {
  const notices: string[] = [];
  const ended: Turn[] = [];
  const failures: { fault: BambaError; restored: string | undefined }[] = [];
  const conversation = new Conversation(
    {
      changed: () => undefined,
      ended: (turn) => ended.push(turn),
      failed: (fault, restored) => failures.push({ fault, restored }),
      noticed: (message) => notices.push(message),
    },
    (turns) => ({ ...requestFor(turns, CHATS, ''), temperature: 0.5 }),
  );
  const engine = new HandEngine();
  return { conversation, engine, ended, failures, notices };
}

describe('Conversation', () => {
  it('streams an answer, and sends the chat so far with the next question', async () => {
    const { conversation, engine, ended } = begin();
    conversation.setEngine(engine);
    expect(conversation.ask('What?')).toBe(true);
    expect(conversation.busy).toBe(true);
    await settle();
    await engine.give({ type: 'prefill', processed: 2, total: 3 });
    expect(conversation.turns[0]).toMatchObject({ status: 'reading', prefill: { processed: 2, total: 3 } });
    await engine.text('Th');
    await engine.text('is.');
    expect(conversation.turns[0]).toMatchObject({ status: 'writing', answer: 'This.' });
    await engine.end();
    expect(conversation.turns[0]).toMatchObject({ status: 'done', answer: 'This.', usage: USAGE });
    expect(ended).toHaveLength(1);
    conversation.ask('And?');
    await settle();
    expect(engine.requests[1]).toEqual({
      temperature: 0.5,
      messages: [
        { role: 'user', content: 'What?' },
        { role: 'assistant', content: 'This.' },
        { role: 'user', content: 'And?' },
      ],
    });
  });

  it('passes on what the engine says beside an answer', async () => {
    const { conversation, engine, notices } = begin();
    conversation.setEngine(engine);
    conversation.ask('What?');
    await settle();
    await engine.give({ type: 'notice', message: 'The disk is full.' });
    expect(notices).toEqual(['The disk is full.']);
    expect(conversation.turns[0]).toMatchObject({ status: 'reading', answer: '' });
    await engine.text('This.');
    await engine.end();
    expect(conversation.turns[0]).toMatchObject({ status: 'done', answer: 'This.' });
  });

  it('refuses a second question while it answers, and an empty one always', async () => {
    const { conversation, engine } = begin();
    conversation.setEngine(engine);
    expect(conversation.ask('  ')).toBe(false);
    conversation.ask('One?');
    expect(conversation.ask('Two?')).toBe(false);
    expect(conversation.turns).toHaveLength(1);
  });

  it('queues a question until there is an engine, and gives it back when asked to', async () => {
    const { conversation, engine } = begin();
    conversation.ask('Early?');
    expect(conversation.turns[0]?.status).toBe('queued');
    expect(conversation.takeBackQueued()).toBe('Early?');
    expect(conversation.turns).toEqual([]);
    conversation.ask('Early again?');
    conversation.setEngine(engine);
    await settle();
    expect(engine.requests).toHaveLength(1);
    expect(conversation.turns[0]?.status).toBe('reading');
  });

  it('keeps what had come when it is stopped, and leaves unanswered questions out of the next prompt', async () => {
    const { conversation, engine, ended } = begin();
    conversation.setEngine(engine);
    conversation.ask('One?');
    await settle();
    conversation.stop();
    expect(engine.signals[0]?.aborted).toBe(true);
    await engine.end('abort');
    conversation.ask('Two?');
    await settle();
    await engine.text('Half');
    conversation.stop();
    await engine.end('abort');
    expect(ended.map(({ status, answer }) => [status, answer])).toEqual([
      ['stopped', ''],
      ['stopped', 'Half'],
    ]);
    conversation.ask('Three?');
    await settle();
    expect(engine.requests[2]?.messages?.map(({ content }) => content)).toEqual(['Two?', 'Half', 'Three?']);
  });

  it('takes an abort that comes as an exception for a stop', async () => {
    const { conversation, engine, failures } = begin();
    conversation.setEngine(engine);
    conversation.ask('One?');
    await settle();
    await engine.text('Half');
    conversation.stop();
    await engine.give(new BambaError('aborted', 'Stopped.'));
    expect(failures).toEqual([]);
    expect(conversation.turns[0]?.status).toBe('stopped');
  });

  it('gives the question back when it fails before any text', async () => {
    const { conversation, engine, failures } = begin();
    conversation.setEngine(engine);
    conversation.ask('Too long?');
    await settle();
    await engine.give(new BambaError('prompt_too_long', 'The chat is too long.'));
    expect(conversation.turns).toEqual([]);
    expect(failures).toMatchObject([
      { fault: { code: 'prompt_too_long', message: 'The chat is too long.' }, restored: 'Too long?' },
    ]);
  });

  it('keeps text that had come before it failed', async () => {
    const { conversation, engine, failures } = begin();
    conversation.setEngine(engine);
    conversation.ask('What?');
    await settle();
    await engine.text('Some');
    await engine.give(new BambaError('device_lost', 'The GPU is gone.'));
    expect(conversation.turns[0]).toMatchObject({ status: 'failed', answer: 'Some' });
    expect(failures[0]?.restored).toBeUndefined();
  });

  it('goes on with an answer that was stopped, cut off or interrupted, from its own text', async () => {
    const { conversation, engine, ended, failures } = begin();
    conversation.setEngine(engine);
    expect(conversation.continueLast()).toBe(false);
    conversation.ask('What?');
    await settle();
    await engine.text('One');
    conversation.stop();
    await engine.end('abort');
    const [{ id }] = conversation.turns as [Turn];
    for (const [text, finish] of [
      [' two', 'length'],
      [' three', new BambaError('device_lost', 'The GPU is gone.')],
      [' four', 'stop'],
    ] as const) {
      expect(conversation.continueLast()).toBe(true);
      expect(conversation.busy).toBe(true);
      await settle();
      await engine.text(text);
      if (finish instanceof Error) await engine.give(finish);
      else await engine.end(finish);
    }
    expect(engine.requests.slice(1)).toMatchObject(
      ['One', 'One two', 'One two three'].map((content) => ({
        messages: [
          { role: 'user', content: 'What?' },
          { role: 'assistant', content },
        ],
        continueLast: true,
      })),
    );
    expect(conversation.turns).toMatchObject([{ id, answer: 'One two three four', status: 'done' }]);
    expect(ended.at(-1)?.answer).toBe('One two three four');
    expect(failures).toMatchObject([{ restored: undefined }]);
    // It is whole.
    expect(conversation.continueLast()).toBe(false);
  });

  it('keeps what had come where going on fails, or is taken back before there is a model', async () => {
    const { conversation, engine, failures } = begin();
    conversation.show([{ id: 1, question: 'What?', answer: 'Half', status: 'stopped' }]);
    expect(conversation.continueLast()).toBe(true);
    expect(conversation.takeBackQueued()).toBeUndefined();
    expect(conversation.turns).toMatchObject([{ answer: 'Half', status: 'stopped' }]);
    conversation.setEngine(engine);
    conversation.continueLast();
    await settle();
    await engine.give(new BambaError('prompt_too_long', 'The chat is too long.'));
    expect(conversation.turns).toMatchObject([{ answer: 'Half', status: 'failed' }]);
    expect(failures).toMatchObject([{ fault: { code: 'prompt_too_long' }, restored: undefined }]);
  });

  it('keeps every version, and shows the one that is chosen with what follows it', async () => {
    const { conversation, engine } = begin();
    conversation.setEngine(engine);
    const answered = async (act: () => unknown, text: string): Promise<void> => {
      act();
      await settle();
      await engine.text(text);
      await engine.end();
    };
    const shown = (): string[] => conversation.turns.map(({ question, answer }) => question + answer);
    await answered(() => conversation.ask('One?'), 'One.');
    await answered(() => conversation.ask('Two?'), 'Two.');
    await answered(() => conversation.regenerate(), 'Two again.');
    await answered(() => conversation.edit(conversation.turns[0]!.id, 'Other?'), 'Other.');
    expect(shown()).toEqual(['Other?Other.']);
    expect(conversation.all).toHaveLength(4);
    const [first, other] = conversation.versions(conversation.turns[0]!.id);
    expect(conversation.choose(first!)).toBe(true);
    expect(shown()).toEqual(['One?One.', 'Two?Two again.']);
    const versions = conversation.versions(conversation.turns[1]!.id);
    expect(versions).toHaveLength(2);
    conversation.choose(versions[0]!);
    expect(shown()).toEqual(['One?One.', 'Two?Two.']);
    // The next question follows the shown turns.
    await answered(() => conversation.ask('Three?'), 'Three.');
    expect(engine.requests.at(-1)?.messages?.map(({ content }) => content)).toEqual([
      'One?',
      'One.',
      'Two?',
      'Two.',
      'Three?',
    ]);
    conversation.ask('Four?');
    expect(conversation.choose(other!)).toBe(false);
    expect(conversation.choose('unknown')).toBe(false);
  });

  it('brings the earlier answer back when answering anew fails', async () => {
    const { conversation, engine, failures } = begin();
    conversation.setEngine(engine);
    conversation.ask('What?');
    await settle();
    await engine.text('First.');
    await engine.end();
    conversation.regenerate();
    expect(conversation.turns).toMatchObject([{ question: 'What?', answer: '' }]);
    await settle();
    await engine.give(new BambaError('busy', 'Busy.'));
    expect(conversation.turns).toMatchObject([{ question: 'What?', answer: 'First.', status: 'done' }]);
    expect(failures[0]?.restored).toBeUndefined();
    conversation.regenerate();
    await settle();
    await engine.text('Second.');
    await engine.end();
    expect(conversation.turns).toMatchObject([{ question: 'What?', answer: 'Second.', status: 'done' }]);
    expect(engine.requests[2]?.messages).toEqual([{ role: 'user', content: 'What?' }]);
  });

  it('leaves an answer as far as it came when another chat is shown, and hears no more of it', async () => {
    const { conversation, engine, ended } = begin();
    conversation.setEngine(engine);
    conversation.ask('Old?');
    await settle();
    await engine.text('Some');
    conversation.show([{ id: 7, question: 'Before?', answer: 'Yes.', status: 'done' }]);
    expect(engine.signals[0]?.aborted).toBe(true);
    expect(ended).toMatchObject([{ question: 'Old?', answer: 'Some', status: 'stopped' }]);
    await engine.text(' late');
    expect(conversation.turns).toMatchObject([{ question: 'Before?' }]);
    conversation.ask('New?');
    await settle();
    await engine.text('Fresh.');
    await engine.end();
    expect(conversation.turns).toMatchObject([
      { id: 7 },
      { id: expect.any(String), question: 'New?', answer: 'Fresh.', status: 'done' },
    ]);
  });

  it('asks a changed question in the place of an earlier one; what followed returns should that fail', async () => {
    const { conversation, engine, failures } = begin();
    conversation.setEngine(engine);
    for (const word of ['One', 'Two', 'Three']) {
      conversation.ask(`${word}?`);
      await settle();
      await engine.text(`${word}.`);
      await engine.end();
    }
    const [, second] = conversation.turns;
    expect(conversation.edit(second?.id ?? 0, 'Two again?')).toBe(true);
    await settle();
    expect(conversation.turns).toMatchObject([{ question: 'One?' }, { question: 'Two again?', answer: '' }]);
    expect(engine.requests.at(-1)?.messages).toEqual([
      { role: 'user', content: 'One?' },
      { role: 'assistant', content: 'One.' },
      { role: 'user', content: 'Two again?' },
    ]);
    await engine.give(new BambaError('network', 'Away.'));
    expect(conversation.turns.map(({ answer }) => answer)).toEqual(['One.', 'Two.', 'Three.']);
    // The changed question is not lost.
    expect(failures).toMatchObject([{ restored: 'Two again?' }]);
    conversation.edit(second?.id ?? 0, 'Two again?');
    await settle();
    await engine.text('Better.');
    await engine.end();
    expect(conversation.turns.map(({ answer }) => answer)).toEqual(['One.', 'Better.']);
  });

  it('ends an answer whose engine is taken away, and ignores what that engine still says', async () => {
    const { conversation, engine, ended } = begin();
    conversation.setEngine(engine);
    conversation.ask('What?');
    await settle();
    await engine.text('Some');
    conversation.setEngine(undefined);
    expect(ended).toMatchObject([{ status: 'stopped', answer: 'Some' }]);
    await engine.text(' more');
    expect(conversation.turns[0]?.answer).toBe('Some');
    const other = new HandEngine();
    conversation.setEngine(other);
    conversation.ask('Again?');
    await settle();
    expect(other.requests).toHaveLength(1);
  });
});
