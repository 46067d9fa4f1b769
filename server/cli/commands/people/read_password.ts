import { AppError } from "../../../../contract/errors.ts";
import type { Invocation } from "../../command.ts";
import type { SecretInput } from "../../secret_input.ts";

/**
 * The new password: from stdin with `--password-stdin`, else a person is asked for it twice. Throws `invalid` where
 * there is neither, and where the two are not the same.
 */
export async function readNewPassword(invocation: Invocation, input: SecretInput): Promise<string> {
  if (invocation.flag("password-stdin")) return await input.readAll();
  if (!input.isTerminal) {
    throw new AppError(
      "invalid",
      "There is no terminal to type a password on: send it with --password-stdin",
    );
  }
  const password = await input.ask("New password: ");
  if (await input.ask("The same again: ") === password) return password;
  throw new AppError("invalid", "The two passwords are not the same: nothing was changed");
}
