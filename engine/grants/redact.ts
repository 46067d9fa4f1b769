/**
 * Below this many characters a value is not looked for: replacing every `1` or `abc` of a message
 * would hide the message and tell the secret by its gaps.
 */
const MIN_SECRET_LENGTH = 4;
/** A line of a longer value (a key in PEM) is looked for from here on: shorter ones are common words. */
const MIN_LINE_LENGTH = 8;
const REDACTED = "[redacted]";

/**
 * A function that takes the secrets out of a text, in the forms that a message may show them in: as
 * they are, URL-encoded, JSON-escaped, in Base64, and each line of a value of several lines.
 */
export function createRedactor(values: Iterable<string>): (text: string) => string {
  const forms = new Set<string>();
  for (const value of values) {
    for (const form of formsOf(value)) {
      if (form.trim().length >= MIN_SECRET_LENGTH) forms.add(form);
    }
  }
  if (forms.size === 0) return (text) => text;
  const longestFirst = [...forms].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(longestFirst.map(escapePattern).join("|"), "g");
  return (text) => text.replace(pattern, REDACTED);
}

function formsOf(value: string): string[] {
  const wellFormed = value.toWellFormed();
  const json = JSON.stringify(value).slice(1, -1);
  const encoded = encodeURIComponent(wellFormed);
  return [
    value,
    value.trim(),
    json,
    encoded,
    encoded.replaceAll("%20", "+"),
    encoded.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase()),
    encodeURI(wellFormed),
    new URLSearchParams({ v: wellFormed }).toString().slice(2),
    base64(wellFormed),
    value.replaceAll("'", "''"),
    ...value.split(/\r?\n/).filter((line) => line.length >= MIN_LINE_LENGTH),
  ];
}

function base64(text: string): string {
  return new TextEncoder().encode(text).toBase64({ omitPadding: true });
}

function escapePattern(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}
