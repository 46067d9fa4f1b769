import type { Log } from "../../../../contract/log.ts";
import type { CliContext } from "../../command.ts";
import { LogFile } from "../../log/log_file.ts";
import { createServerLog, lineOf } from "../../log/server_log.ts";
import type { LogSettings } from "./serve_settings.ts";

/** Where the server's log goes: standard error, or a file. Throws `invalid` where that cannot be written. */
export function openLog(settings: LogSettings, context: CliContext): AsyncDisposable & { readonly log: Log } {
  const { path, format } = settings;
  const { terminal } = context;
  const line = lineOf(format);
  if (path === undefined) {
    return {
      log: createServerLog(line, (text) => terminal.note(text)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
  }
  const file = LogFile.open({
    ...settings,
    path,
    lineOf: line,
    now: () => Date.now(),
    fallback: (text) => terminal.note(text),
  });
  const hangup = context.onHangup(() => file.reopen());
  terminal.note(`The log goes to ${path}`);
  return {
    log: createServerLog(line, (text) => file.write(text)),
    async [Symbol.asyncDispose]() {
      hangup[Symbol.dispose]();
      await file[Symbol.asyncDispose]();
    },
  };
}
