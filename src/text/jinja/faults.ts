// Faults of reading or rendering a template. The chat template makes one sentence of it.

/** The template is wrong, or refuses what it is given: jinja2 would raise an error here, too. */
export class TemplateFault extends Error {}

/**
 * The template is sound, but uses what is not reproduced here: refused by name rather than rendered differently. The
 * message is the name, such as `the filter "pprint"`.
 */
export class TemplateUnsupported extends Error {}

/** The template takes more steps, text or nesting than it may. */
export class TemplateOverrun extends Error {}
