// The worker that makes MathML of TeX.

import { answerWith } from './helper-answers.ts';
import { texToMathml, type Formula, type Mathml } from './tex.ts';

answerWith((formula: Formula): Mathml | undefined => {
  const mathml = texToMathml(formula);
  return mathml === undefined ? undefined : { mathml };
});
