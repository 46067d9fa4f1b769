import type { CommandSpec } from "../command.ts";
import { type Offer, offerOfArgument, offerOfOption } from "./words.ts";

/** The script that zsh reads: `source <(sluice completion zsh)`, or a file `_sluice` in its `fpath`. */
export function zshScript(commands: readonly CommandSpec[]): string {
  return [
    "#compdef sluice",
    "_sluice_pipelines() {",
    "  local project=${SLUICE_PROJECT:-.} i",
    "  i=${words[(i)--project]}; if (( i < CURRENT )); then project=${~words[i + 1]}; fi",
    "  local -a names; names=($project/pipelines/*.y(a|)ml(N:t:r))",
    "  compadd -a names",
    "}",
    "_sluice() {",
    "  local -a commands; commands=(",
    ...commands.map(({ name, summary }) => `    ${quote(`${name}:${summary}`)}`),
    "  )",
    "  if (( CURRENT == 2 )); then _describe command commands; return; fi",
    "  local command=${words[2]}",
    "  shift words; (( CURRENT-- ))",
    "  case $command in",
    ...commands.map((command) => `    ${command.name}) ${["_arguments", ...specsOf(command)].join(" ")} ;;`),
    "  esac",
    "}",
    "if (( $+functions[compdef] )); then compdef _sluice sluice; fi",
  ].join("\n");
}

function specsOf(command: CommandSpec): string[] {
  const options = Object.entries(command.options).map(([name, option]) => {
    const offer = offerOfOption(option);
    const value = offer === undefined ? "" : `:${option.value ?? "VALUE"}:${actionOf(offer)}`;
    return quote(`${option.multiple ? "*" : ""}--${name}[${plain(option.description)}]${value}`);
  });
  const positionals = command.arguments.map((argument) => {
    const isMany = command.passesThrough || argument.many === true ? "*" : "";
    return quote(
      `${isMany}:${argument.optional ? ":" : ""}${argument.name}:${
        actionOf(offerOfArgument(command, argument))
      }`,
    );
  });
  return [...options, quote("--help[say what the command takes]"), ...positionals];
}

function actionOf(offer: Offer): string {
  switch (offer.kind) {
    case "folders":
      return "_directories";
    case "files":
      return "_files";
    case "pipelines":
      return "_sluice_pipelines";
    case "words":
      return `(${offer.words.join(" ")})`;
    case "nothing":
      return " ";
  }
}

/** `_arguments` reads brackets and colons in a description. */
const plain = (text: string): string => text.replace(/[\][:\\]/g, (found) => `\\${found}`);
const quote = (text: string): string => `'${text.replaceAll("'", `'\\''`)}'`;
