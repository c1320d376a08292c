// Money, days and times as the server writes them (b24app/portals/templatetags/shown.py).

/**
 * A sum of money.
 * @param {bigint} tenThousandths the amount
 * @param {string} form the number 1,234 in the currency's form: "€1,234.00"
 */
export function money(tenThousandths, form) {
  const [, before, group, point = "", zeros = "", after] = /^(.*)1(\D?)234(?:(\D)(0+))?(.*)$/.exec(form);
  const size = tenThousandths < 0n ? -tenThousandths : tenThousandths;
  const digits = rounded(size, 10n ** BigInt(4 - zeros.length)).toString().padStart(zeros.length + 1, "0");
  const cut = digits.length - zeros.length;
  const whole = digits.slice(0, cut).replace(/\B(?=(\d{3})+$)/g, group);
  return `${tenThousandths < 0n ? "-" : ""}${before}${whole}${point}${digits.slice(cut)}${after}`;
}

/** Half to even, as Python's decimal does. */
function rounded(size, unit) {
  const [whole, rest] = [size / unit, (size % unit) * 2n];
  return rest > unit || (rest === unit && whole % 2n === 1n) ? whole + 1n : whole;
}

/**
 * A day.
 * @param {string} iso "2026-11-18"
 * @param {string} months names of the months, separated by spaces; empty where days are written in digits
 */
export function day(iso, months) {
  const [year, month, date] = iso.split("-");
  return months ? `${Number(date)} ${months.split(" ")[month - 1]} ${year}` : `${date}.${month}.${year}`;
}

/** A time of day by a clock that is so many minutes ahead of UTC: "14:05". */
export function clock(at, utcOffset) {
  return new Date(at.getTime() + utcOffset * 60_000).toISOString().slice(11, 16);
}
