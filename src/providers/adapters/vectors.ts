const FLOAT_BYTES = 4;
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

/** A vector in the wanted encoding: base64 of little-endian float32, or numbers. Null when it is no vector.
 *  Attacker-controlled. */
export function encodeVector(vector: unknown, wantsBase64: boolean): readonly number[] | string | null {
  if (typeof vector === 'string') {
    const bytes = Buffer.from(vector, 'base64');
    if (vector === '' || !BASE64.test(vector) || bytes.length % FLOAT_BYTES !== 0) return null;
    return wantsBase64
      ? vector
      : Array.from({ length: bytes.length / FLOAT_BYTES }, (_, at) => bytes.readFloatLE(at * FLOAT_BYTES));
  }
  if (!Array.isArray(vector) || vector.length === 0 || !vector.every((value) => Number.isFinite(value))) return null;
  const numbers = vector as readonly number[];
  if (!wantsBase64) return numbers;
  const bytes = Buffer.allocUnsafe(numbers.length * FLOAT_BYTES);
  numbers.forEach((value, at) => bytes.writeFloatLE(value, at * FLOAT_BYTES));
  return bytes.toString('base64');
}
