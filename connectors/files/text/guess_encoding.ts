/**
 * A guess at the encoding of text that is not UTF-8, for the advice in a message: nothing is read by it.
 * It goes by how often a text of each script has the bytes that it has.
 */

/** One of the Encoding Standard's names. */
export function guessEncoding(bytes: Uint8Array): string {
  const utf16 = guessUtf16(bytes);
  if (utf16 !== undefined) return utf16;
  if (canRead(bytes, "utf-8")) return "utf-8";
  const pairs = guessPairs(bytes);
  if (pairs !== undefined) return pairs;
  return guessSingleByte(bytes);
}

/** Text in the Latin alphabet has a zero in every second byte. */
function guessUtf16(bytes: Uint8Array): string | undefined {
  let even = 0;
  let odd = 0;
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] !== 0) continue;
    if (at % 2 === 0) even++;
    else odd++;
  }
  if (even + odd < bytes.length / 8) return undefined;
  return odd > even ? "utf-16le" : "utf-16be";
}

/** Encodings with two bytes a character: what the first ones say. */
function guessPairs(bytes: Uint8Array): string | undefined {
  const leads: number[] = [];
  let high = 0;
  let lowTrails = 0;
  let kana = 0;
  for (let at = 0; at < bytes.length; at++) {
    const [lead = 0, trail = 0] = [bytes[at], bytes[at + 1]];
    if (lead < 0x80) continue;
    high++;
    if (trail < 0x40) continue;
    leads.push(lead);
    high++;
    if (trail < 0x80) lowTrails++;
    // Hiragana and katakana of Shift_JIS.
    if ((lead === 0x82 && trail >= 0x9f) || (lead === 0x83 && trail <= 0x96)) kana++;
    at++;
  }
  const share = (isOf: (lead: number) => boolean) => leads.filter(isOf).length / Math.max(1, leads.length);
  // Single letters with accents stand between ASCII letters, of which few make a pair.
  if (leads.length === 0 || leads.length * 2 < high * 0.95) return undefined;
  if (kana / leads.length > 0.15 && canRead(bytes, "shift_jis")) return "shift_jis";
  if (share((lead) => lead === 0xa4 || lead === 0xa5) > 0.15 && canRead(bytes, "euc-jp")) return "euc-jp";
  if (lowTrails / leads.length > 0.2) {
    return share((lead) => lead >= 0xa1 && lead <= 0xc6) > 0.8 && canRead(bytes, "big5") ? "big5" : undefined;
  }
  if (share((lead) => lead >= 0xb0 && lead <= 0xc8) > 0.92 && canRead(bytes, "euc-kr")) return "euc-kr";
  const common = share((lead) => (lead >= 0xb0 && lead <= 0xd7) || (lead >= 0xa1 && lead <= 0xa3));
  return common > 0.75 && canRead(bytes, "gbk") ? "gbk" : undefined;
}

function canRead(bytes: Uint8Array, encoding: string): boolean {
  try {
    // The end may lie in the middle of a character.
    new TextDecoder(encoding, { fatal: true }).decode(bytes, { stream: true });
    return true;
  } catch {
    return false;
  }
}

/** Letters of Cyrillic and Greek stand in a row; those of Latin mostly alone. */
function guessSingleByte(bytes: Uint8Array): string {
  let high = 0;
  let inRow = 0;
  let upperHalf = 0;
  let koi = 0;
  let dosRange = 0;
  const isHigh = (at: number) => (bytes[at] ?? 0) >= 0x80;
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] ?? 0;
    if (byte < 0x80) continue;
    high++;
    if (isHigh(at - 1) || isHigh(at + 1)) inRow++;
    if (byte >= 0xc0) upperHalf++;
    // Lower case of KOI8-R lies where Windows-1251 has upper case.
    if (byte >= 0xc0 && byte <= 0xdf) koi++;
    if (byte >= 0x80 && byte <= 0xaf) dosRange++;
  }
  if (high === 0 || inRow / high < 0.6) return "windows-1252";
  if (dosRange / high > 0.5) return "ibm866";
  if (upperHalf / high < 0.7) return "windows-1252";
  return koi / high > 0.6 ? "koi8-r" : "windows-1251";
}
