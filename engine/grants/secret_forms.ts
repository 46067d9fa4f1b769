import { Buffer } from "node:buffer";

/**
 * Below this many characters a value is not looked for: replacing every `1` or `abc` of a message
 * would hide the message and tell the secret by its gaps.
 */
const MIN_SECRET_LENGTH = 4;
/** A line of a longer value (a key in PEM) is looked for from here on: shorter ones are common words. */
const MIN_LINE_LENGTH = 8;
/** A longer value is a key or a document, and no part of a URL. */
const MAX_PIECED_LENGTH = 512;
/** Base64 has so many characters of a secret's middle before it is looked for by them. */
const MIN_BASE64_LENGTH = 8;

/** The texts that a message may show a secret as: whole, its parts, and both in the usual encodings. */
export function formsOf(value: string): Set<string> {
  const forms = new Set<string>();
  const add = (form: string) => {
    if (form.trim().length >= MIN_SECRET_LENGTH) forms.add(form);
  };
  for (const form of encodingsOf(value)) add(form);
  for (const line of value.split(/\r?\n/)) if (line.length >= MIN_LINE_LENGTH) add(line);
  for (const piece of piecesOf(value)) {
    if (piece.trim().length < MIN_SECRET_LENGTH) continue;
    // A URL's parser writes hosts in lower case and encodes what it does not like.
    for (const form of [piece, piece.toLowerCase(), ...urlEncodings(piece)]) add(form);
  }
  return forms;
}

function encodingsOf(value: string): string[] {
  const wellFormed = value.toWellFormed();
  const bytes = new TextEncoder().encode(wellFormed);
  const hex = bytes.toHex();
  return [
    value,
    value.trim(),
    JSON.stringify(value).slice(1, -1),
    ...urlEncodings(wellFormed),
    ...decoded(value),
    ...base64Forms(bytes),
    ...basicForms(wellFormed),
    ...escaped(value),
    ...(bytes.length >= MIN_SECRET_LENGTH ? [hex, hex.toUpperCase()] : []),
    value.replaceAll("'", "''"),
    value.replaceAll('"', '""'),
  ];
}

/** Strict and loose, in capitals and in small letters, as a path has it and as a form has it. */
function urlEncodings(value: string): string[] {
  const wellFormed = value.toWellFormed();
  const loose = encodeURIComponent(wellFormed);
  const strict = loose.replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);
  const small = (text: string) => text.replace(/%[0-9A-F]{2}/g, (code) => code.toLowerCase());
  const form = new URLSearchParams({ v: wellFormed }).toString().slice(2);
  return [
    loose,
    strict,
    small(loose),
    small(strict),
    loose.replaceAll("%20", "+"),
    encodeURI(wellFormed),
    form,
    small(form),
  ];
}

/** As HTML and XML show it, as JSON does that is kept to ASCII, and as a URL within a URL has it. */
function escaped(value: string): string[] {
  const html = value.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
  const quoted = html.replaceAll('"', "&quot;");
  const unit = (c: string) => `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`;
  return [
    html,
    quoted,
    quoted.replaceAll("'", "&#39;"),
    quoted.replaceAll("'", "&#x27;"),
    quoted.replaceAll("'", "&apos;"),
    JSON.stringify(value).slice(1, -1).replace(/[^ -~]/g, unit),
    encodeURIComponent(encodeURIComponent(value.toWellFormed())),
  ];
}

/** OAuth's clients send their secrets as a form has them, in Base64: RFC 6749, 2.3.1. */
function basicForms(value: string): string[] {
  const encoded = new Set(urlEncodings(value));
  encoded.delete(value);
  return [...encoded].flatMap((text) => base64Forms(new TextEncoder().encode(text)));
}

/** A value that is URL-encoded itself is shown decoded by who was given it. */
function decoded(value: string): string[] {
  if (!value.includes("%")) return [];
  try {
    return [decodeURIComponent(value)];
  } catch {
    return [];
  }
}

/**
 * The value in both alphabets of Base64, and what Base64 shows of it inside of another text, as in
 * the `user:password` of an Authorization header: which characters those are depends on the place
 * modulo three.
 */
function base64Forms(bytes: Uint8Array): string[] {
  const forms = [Buffer.from(bytes).toString("base64").replace(/=+$/, "")];
  for (const offset of [1, 2]) {
    const shifted = Buffer.concat([Buffer.alloc(offset), bytes]).toString("base64").replace(/=+$/, "");
    // The first characters, and the last, hold bits of their neighbours.
    forms.push(shifted.slice(offset + 1));
  }
  const whole = forms.flatMap((form, index) => {
    const tail = (bytes.length + index) % 3 === 0 ? form : form.slice(0, -1);
    return index === 0 ? [form, tail] : [tail];
  });
  const url = whole.map((form) => form.replaceAll("+", "-").replaceAll("/", "_"));
  return [...whole, ...url].filter((form) => form.length >= MIN_BASE64_LENGTH);
}

/** What a URL's parser may make parts of, where a password stands in a URL as it is. */
const URL_DELIMITERS = /[/?#@:&=;[\]\\]/;

function piecesOf(value: string): string[] {
  const text = secretPart(value);
  const pieces: string[] = text === value ? [] : [text];
  if (!URL_DELIMITERS.test(text) || text.length > MAX_PIECED_LENGTH) return pieces;
  pieces.push(...text.split(URL_DELIMITERS));
  for (let index = 0; index < text.length; index++) {
    if (!URL_DELIMITERS.test(text.charAt(index))) continue;
    // Everything up to a delimiter, and everything from there on: user, path, query, fragment.
    pieces.push(text.slice(0, index), text.slice(index), text.slice(index + 1));
  }
  return pieces;
}

/**
 * Of a URL, what is secret in it: the password, up to the last @; or, where it has none, what comes
 * after the host. Host and user alone are no secrets: messages name them.
 */
function secretPart(value: string): string {
  const url = /^[a-z][a-z0-9+.-]*:\/\/(.*)$/is.exec(value);
  if (url === null) return value;
  const [, rest = ""] = url;
  const at = rest.lastIndexOf("@");
  const colon = rest.indexOf(":");
  if (at !== -1) return colon === -1 || colon > at ? "" : rest.slice(colon + 1, at);
  return /[/?#].*$/s.exec(rest)?.[0] ?? "";
}
