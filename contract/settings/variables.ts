import { AppError } from "../errors.ts";

/** A variable of the server's environment; undefined where it is not set. */
export type Variables = (name: string) => string | undefined;

/** A variable that is 1 for yes and 0 for no, or a word for either. Throws `invalid` for anything else. */
export function readSwitch(env: Variables, name: string, fallback = false): boolean {
  const text = env(name)?.trim() ?? "";
  if (text === "") return fallback;
  if (/^(?:1|true|yes|on)$/i.test(text)) return true;
  if (/^(?:0|false|no|off)$/i.test(text)) return false;
  throw new AppError("invalid", `${name} is "${text}", expected 1 or 0`);
}

/** A variable that is a whole number. Throws `invalid`. */
export function readCount(env: Variables, name: string, fallback: number): number {
  const text = env(name) ?? "";
  if (text === "") return fallback;
  if (/^\d{1,9}$/.test(text)) return Number(text);
  throw new AppError("invalid", `${name} is "${text}", expected a whole number; 0 keeps everything`);
}
