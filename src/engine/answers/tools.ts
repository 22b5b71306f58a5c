import { BambaError } from '../../errors.ts';
import { choice, type Expression, repeat, sequence, text } from '../../generate/grammar.ts';
import { jsonGrammar } from '../../generate/json-grammar.ts';
import { NO_PARAMETERS, type Tool } from '../../text/tool-call.ts';
import type { ToolFormat } from '../../text/tool-format.ts';

/**
 * Answers that call tools, in the model's own format: one call, and more where any tool may be called.
 * @param only the tool that has to be called; null for any
 * @throws BambaError `setting_invalid` for parameters that are no JSON schema
 */
export function callGrammar(format: ToolFormat, tools: readonly Tool[], only: string | null): Expression {
  const named = tools.filter((tool) => only === null || tool.name === only);
  const call = choice(
    named.map((tool) =>
      sequence(
        text(`{"name": ${JSON.stringify(tool.name)}, ${JSON.stringify(format.argumentsKey)}: `),
        parametersGrammar(tool),
        text('}'),
      ),
    ),
  );
  const calls = only === null && format.list ? sequence(call, repeat(sequence(text(', '), call), 0, Infinity)) : call;
  const marked = sequence(
    text(format.begin + (format.list ? '[' : '')),
    calls,
    text((format.list ? ']' : '') + format.end),
  );
  const again = only === null && !format.list && format.begin !== '';
  return again ? sequence(marked, repeat(sequence(text('\n'), marked), 0, Infinity)) : marked;
}

function parametersGrammar({ name, parameters = NO_PARAMETERS }: Tool): Expression {
  try {
    return jsonGrammar({ type: 'object', ...parameters });
  } catch (error) {
    if (!(error instanceof BambaError)) throw error;
    throw new BambaError(error.code, `Calls of the tool ${name} cannot be forced. ${error.message}`, { cause: error });
  }
}
