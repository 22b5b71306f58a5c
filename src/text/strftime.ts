// Dates for chat templates ("Today is ..."), in English whatever the browser's language: models were trained on that.

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

const DIRECTIVE = /%([-_0^#]*)(\d*)[EO]?([aAbBcCdDeFgGhHIjklmMnpPrRsStTuUVwWxXyYzZf%])/g;
/** More is a mistake: a date needs no such width. */
const MAX_WIDTH = 100;

/** The texts of some directives. */
const COMPOSED: Readonly<Record<string, string>> = {
  c: '%a %b %e %H:%M:%S %Y',
  D: '%m/%d/%y',
  F: '%Y-%m-%d',
  h: '%b',
  r: '%I:%M:%S %p',
  R: '%H:%M',
  T: '%H:%M:%S',
  x: '%m/%d/%y',
  X: '%H:%M:%S',
};

/**
 * A date as Python's strftime writes it on Linux, in local time without a time zone: so `%z` and `%Z` are empty. Flags
 * (`-` for no leading zeros, `_` for spaces, `0`, `^` for capitals) and widths work; what is no directive stays.
 */
export function formatTime(date: Date, format: string): string {
  return format.replaceAll(DIRECTIVE, (whole, flags: string, width: string, directive: string) => {
    // Python itself, which knows no flags, writes these.
    if (directive === 'f') return flags + width === '' ? String(date.getMilliseconds() * 1000).padStart(6, '0') : whole;
    if (directive === '%' || directive === 'n' || directive === 't') return { '%': '%', n: '\n', t: '\t' }[directive];
    const composed = COMPOSED[directive];
    const number = composed === undefined ? numberOf(date, directive) : null;
    const text = composed === undefined ? textOf(date, directive) : formatTime(date, composed);
    const pad = Math.min(MAX_WIDTH, Number(width));
    if (number === null) return recased(text, flags, directive).padStart(pad, flags.includes('0') ? '0' : ' ');
    const [value, usual, fill] = number;
    if (flags.includes('-')) return String(value);
    return String(value).padStart(pad || usual, flags.includes('_') ? ' ' : flags.includes('0') ? '0' : fill);
  });
}

function recased(text: string, flags: string, directive: string): string {
  if (flags.includes('#') && directive === 'p') return text.toLowerCase();
  return /[\^#]/.test(flags) ? text.toUpperCase() : text;
}

/** A number, its usual width and what fills it up; null for directives that give text. */
function numberOf(date: Date, directive: string): [value: number, width: number, fill: string] | null {
  const hour = date.getHours();
  const weekday = date.getDay();
  switch (directive) {
    case 'C':
      return [Math.floor(date.getFullYear() / 100), 2, '0'];
    case 'd':
      return [date.getDate(), 2, '0'];
    case 'e':
      return [date.getDate(), 2, ' '];
    case 'g':
      return [isoWeek(date).year % 100, 2, '0'];
    case 'G':
      return [isoWeek(date).year, 0, '0'];
    case 'H':
      return [hour, 2, '0'];
    case 'I':
      return [hour % 12 || 12, 2, '0'];
    case 'j':
      return [dayOfYear(date), 3, '0'];
    case 'k':
      return [hour, 2, ' '];
    case 'l':
      return [hour % 12 || 12, 2, ' '];
    case 'm':
      return [date.getMonth() + 1, 2, '0'];
    case 'M':
      return [date.getMinutes(), 2, '0'];
    case 's':
      return [Math.floor(date.getTime() / 1000), 0, '0'];
    case 'S':
      return [date.getSeconds(), 2, '0'];
    case 'u':
      return [weekday || 7, 1, '0'];
    case 'U':
      return [Math.floor((dayOfYear(date) + 6 - weekday) / 7), 2, '0'];
    case 'V':
      return [isoWeek(date).week, 2, '0'];
    case 'w':
      return [weekday, 1, '0'];
    case 'W':
      return [Math.floor((dayOfYear(date) + 6 - ((weekday + 6) % 7)) / 7), 2, '0'];
    case 'y':
      return [date.getFullYear() % 100, 2, '0'];
    case 'Y':
      return [date.getFullYear(), 0, '0'];
    default:
      return null;
  }
}

function textOf(date: Date, directive: string): string {
  const month = MONTHS[date.getMonth()]!;
  const day = DAYS[date.getDay()]!;
  const half = date.getHours() < 12 ? 'AM' : 'PM';
  switch (directive) {
    case 'a':
      return day.slice(0, 3);
    case 'A':
      return day;
    case 'b':
      return month.slice(0, 3);
    case 'B':
      return month;
    case 'p':
      return half;
    case 'P':
      return half.toLowerCase();
    default:
      return '';
  }
}

function dayOfYear(date: Date): number {
  // In UTC, where every day has 24 hours.
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return 1 + (day - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000;
}

/** The week of ISO 8601, and the year it belongs to: that of its Thursday. */
function isoWeek(date: Date): { year: number; week: number } {
  const thursday = new Date(date.getFullYear(), date.getMonth(), date.getDate() + 4 - (date.getDay() || 7));
  return { year: thursday.getFullYear(), week: Math.ceil(dayOfYear(thursday) / 7) };
}
