// Control characters, and what turns the order of text around.
// deno-lint-ignore no-control-regex -- control characters are what it looks for
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g;

const PICTURES = 0x2400;
const DELETE = 0x7f;
const DELETE_PICTURE = 0x2421;

/** The text on one line, with a sign in the place of each character that would steer a terminal: ␛, ␊, \u202e. */
export function visible(text: string): string {
  return text.replace(UNPRINTABLE, (character) => {
    const code = character.charCodeAt(0);
    if (code < 0x20) return String.fromCharCode(PICTURES + code);
    return code === DELETE ? String.fromCharCode(DELETE_PICTURE) : escaped(code);
  });
}

/** The same JSON, with escapes for those characters. */
export function visibleJson(json: string): string {
  // In JSON they stand in texts only, but for line breaks, of which there are none here.
  return json.replace(UNPRINTABLE, (character) => escaped(character.charCodeAt(0)));
}

const escaped = (code: number): string => `\\u${code.toString(16).padStart(4, "0")}`;
