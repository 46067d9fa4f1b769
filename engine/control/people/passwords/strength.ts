import { AppError } from "../../../../contract/errors.ts";
import { PASSWORD_LENGTH } from "../../../../contract/access/passwords.ts";
import { normalized } from "./hasher.ts";

/** Whose password it is to be: what others would try first. */
export interface Owner {
  readonly name: string;
  readonly email: string | null;
  readonly displayName: string | null;
}

/** zxcvbn's score from 0 to 4: from 3 on, a hundred million guesses and more. */
const ENOUGH = 3;
/** A longer text is judged by its beginning: the time that it takes grows with its square. */
const LOOKED_AT = 64;
const PRODUCT = "sluice";

/**
 * Throws `invalid` (reason weak_password) for a password that is too short or too long, or that would be found soon: a
 * common one, a row of keys, a name. It says what to do, and nothing of the password.
 */
export type StrengthCheck = (password: string, owner: Owner) => Promise<void>;

export function createStrengthCheck(): StrengthCheck {
  let judge: Promise<Judge> | undefined;
  return async (password, owner) => {
    const text = normalized(password);
    const length = [...text].length;
    if (length < PASSWORD_LENGTH.min) {
      throw weak(
        `has ${length} characters, expected ${PASSWORD_LENGTH.min} or more: three or four words make a good one`,
      );
    }
    if (length > PASSWORD_LENGTH.max) {
      throw weak(`has ${length} characters, expected ${PASSWORD_LENGTH.max} at most`);
    }
    if (!text.isWellFormed()) throw weak("has half of a character in it: type it anew");
    const { score, feedback } = (await (judge ??= loadJudge())).check(
      text.slice(0, LOOKED_AT),
      wordsOf(owner),
    );
    if (score >= ENOUGH) return;
    const why = WARNINGS[feedback.warning ?? ""] ?? "is easy to guess";
    throw weak(`${why}: add words that have nothing to do with it, or let a password manager make one`);
  };
}

function weak(what: string): AppError {
  return new AppError("invalid", `The password ${what}`, { reason: "weak_password" });
}

/** By the keys that zxcvbn-ts has for them. */
const WARNINGS: Readonly<Record<string, string>> = {
  straightRow: "is a row of keys",
  keyPattern: "is a pattern on the keyboard",
  simpleRepeat: "repeats one character",
  extendedRepeat: "repeats the same text",
  sequences: "is a sequence such as abc or 6543",
  recentYears: "is hardly more than a year",
  dates: "is hardly more than a date",
  topTen: "is one of the most common",
  topHundred: "is a very common one",
  common: "is a common one",
  similarToCommon: "is like a common one",
  wordByItself: "is a single word",
  namesByThemselves: "is a name",
  commonNames: "is a common name",
  userInputs: "is made of a name that others know",
  pwned: "is known from a leak",
};

interface Judge {
  check(password: string, words: string[]): {
    readonly score: number;
    readonly feedback: { readonly warning: string | null };
  };
}

/** 130 ms and a megabyte: only who sets a password pays for it. */
async function loadJudge(): Promise<Judge> {
  const { ZxcvbnFactory, adjacencyGraphs, dictionary } = await import("./zxcvbn.ts");
  const made = new ZxcvbnFactory({ dictionary, graphs: adjacencyGraphs });
  return { check: (password, words) => made.check(password, words) };
}

/** The name of the product, of the user, and the parts of the latter. */
function wordsOf({ name, email, displayName }: Owner): string[] {
  const whole = [name, email ?? "", displayName ?? ""].filter((word) => word !== "");
  const parts = whole.flatMap((word) => word.split(/[^\p{L}\p{N}]+/u)).filter((part) => part.length > 2);
  return [PRODUCT, ...new Set([...whole, ...parts])];
}
