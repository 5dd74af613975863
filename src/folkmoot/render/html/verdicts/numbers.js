// Numbers as Folkmoot counts them: exactly, and rounded once. A fraction is a pair of whole numbers [above, below].

/** The decimal that was written: 7.1 is 71/10, whatever a machine makes of it. */
export function decimal(number) {
  const [, sign, whole, part = "", power = "0"] = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]?\d+))?$/.exec(String(number));
  const digits = BigInt(sign + whole + part);
  const tens = Number(power) - part.length;
  return tens < 0 ? [digits, 10n ** BigInt(-tens)] : [digits * 10n ** BigInt(tens), 1n];
}

/** What a machine has for a number, exactly. */
export function binary(number) {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, number);
  const bits = view.getBigUint64(0);
  const power = Number((bits >> 52n) & 0x7ffn);
  const digits = (bits & 0xfffffffffffffn) | (power ? 1n << 52n : 0n);
  const twos = (power || 1) - 1075;
  const signed = bits >> 63n ? -digits : digits;
  return twos < 0 ? [signed, 1n << BigInt(-twos)] : [signed << BigInt(twos), 1n];
}

export const plus = ([a, b], [c, d]) => [a * d + c * b, b * d];
export const times = ([a, b], [c, d]) => [a * c, b * d];
export const over = ([a, b], [c, d]) => (c < 0n ? [-a * d, -b * c] : [a * d, b * c]);
export const minus = ([a, b], [c, d]) => [a * d - c * b, b * d];
export const whole = (number) => [BigInt(number), 1n];

/** -1, 0 or 1, as the first is smaller, equal or larger. */
export function compare([a, b], [c, d]) {
  const left = a * d,
    right = c * b;
  return left < right ? -1 : left > right ? 1 : 0;
}

/** The nearest number a machine has; of two equally near ones the even one. */
export function nearest([above, below]) {
  if (above === 0n) return 0;
  const size = above < 0n ? -above : above;
  const shift = 70 - (size.toString(2).length - below.toString(2).length); // leaves at least 69 bits
  const [a, b] = shift > 0 ? [size << BigInt(shift), below] : [size, below << BigInt(-shift)];
  const bits = (a / b) | (a % b ? 1n : 0n); // the last bit says that something is left
  return (above < 0n ? -1 : 1) * Number(bits) * 2 ** -shift;
}

/** A fraction rounded to so many decimals; a tie goes to the even one. */
export function rounded([above, below], decimals) {
  const unit = 10n ** BigInt(decimals);
  const doubled = 2n * above * unit;
  let found = floor(doubled + below, 2n * below);
  if ((doubled + below) % (2n * below) === 0n && found % 2n !== 0n) found -= 1n;
  return nearest([found, unit]);
}

function floor(a, b) {
  return a / b - (a % b !== 0n && a < 0n ? 1n : 0n);
}

/** The sum of what a machine has for each number, rounded once. */
export function sum(numbers) {
  return nearest(numbers.map(binary).reduce(plus, [0n, 1n]));
}

/** The mean of the decimals that were written. */
export function decimalMean(numbers) {
  return nearest(over(numbers.map(decimal).reduce(plus, [0n, 1n]), whole(numbers.length)));
}

/** As people read it in a sentence: at most four decimals. */
export const brief = (number) => String(Math.round(number * 1e4) / 1e4);
