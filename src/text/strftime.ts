// Dates for chat templates ("Today is ..."), in English whatever the browser's language: models were trained on that.

const MONTHS = 'January February March April May June July August September October November December'.split(' ');
const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');

/**
 * A date by Python's strftime directives Y y m d e j b B a A H I M S p and %, in local time; a `-` after the percent
 * sign leaves out leading zeros. Other directives stay as they are.
 */
export function formatTime(date: Date, format: string): string {
  return format.replaceAll(/%(-?)([YymdejbBaAHIMSp%])/g, (_, minus: string, directive: string) => {
    const digits = (value: number, width: number, fill = '0') => String(value).padStart(minus ? 0 : width, fill);
    const month = MONTHS[date.getMonth()]!;
    const day = DAYS[date.getDay()]!;
    switch (directive) {
      case 'Y':
        return String(date.getFullYear());
      case 'y':
        return digits(date.getFullYear() % 100, 2);
      case 'm':
        return digits(date.getMonth() + 1, 2);
      case 'd':
        return digits(date.getDate(), 2);
      case 'e':
        return digits(date.getDate(), 2, ' ');
      case 'j':
        return digits(dayOfYear(date), 3);
      case 'b':
        return month.slice(0, 3);
      case 'B':
        return month;
      case 'a':
        return day.slice(0, 3);
      case 'A':
        return day;
      case 'H':
        return digits(date.getHours(), 2);
      case 'I':
        return digits(date.getHours() % 12 || 12, 2);
      case 'M':
        return digits(date.getMinutes(), 2);
      case 'S':
        return digits(date.getSeconds(), 2);
      case 'p':
        return date.getHours() < 12 ? 'AM' : 'PM';
      default:
        return '%';
    }
  });
}

function dayOfYear(date: Date): number {
  // In UTC, where every day has 24 hours.
  const day = Date.UTC(date.getFullYear(), date.getMonth(), date.getDate());
  return 1 + (day - Date.UTC(date.getFullYear(), 0, 1)) / 86_400_000;
}
