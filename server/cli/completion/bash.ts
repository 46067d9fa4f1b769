import type { CommandSpec } from "../command.ts";
import { type Offer, offerOfArgument, offerOfOption } from "./words.ts";

/** The script that bash reads: `source <(sluice completion bash)`. */
export function bashScript(commands: readonly CommandSpec[]): string {
  return [
    "# Completion of sluice for bash.",
    "_sluice_pipelines() {",
    "  local project=${SLUICE_PROJECT:-.} i file",
    "  for ((i = 1; i < COMP_CWORD; i++)); do",
    '    if [[ ${COMP_WORDS[i]} == --project ]]; then project=${COMP_WORDS[i + 1]/#"~"/$HOME}; fi',
    "  done",
    '  for file in "$project"/pipelines/*.yaml "$project"/pipelines/*.yml; do',
    '    if [[ -e $file ]]; then file=${file##*/}; printf "%s\\n" "${file%.y*ml}"; fi',
    "  done",
    "}",
    "_sluice() {",
    "  local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]}",
    "  COMPREPLY=()",
    "  if ((COMP_CWORD == 1)); then",
    `    COMPREPLY=($(compgen -W ${quoted(["help", ...commands.map(({ name }) => name)])} -- "$cur"))`,
    "    return",
    "  fi",
    "  local place=0 i",
    "  for ((i = 2; i < COMP_CWORD; i++)); do",
    "    case ${COMP_WORDS[i]} in",
    `      ${valuedOptions(commands).join("|")}) ((i++)) ;;`,
    "      -*) ;;",
    "      *) ((place++)) ;;",
    "    esac",
    "  done",
    "  case $command:$prev in",
    ...commands.flatMap(optionCases),
    "  esac",
    "  case $command in",
    `    help) COMPREPLY=($(compgen -W ${quoted(commands.map(({ name }) => name))} -- "$cur")) ;;`,
    ...commands.flatMap(commandCase),
    "  esac",
    "}",
    "complete -F _sluice sluice",
  ].join("\n");
}

/** Those whose next word is no argument of the command. */
function valuedOptions(commands: readonly CommandSpec[]): string[] {
  const names = commands.flatMap(({ options }) =>
    Object.entries(options).filter(([, { type }]) => type === "string").map(([name]) => `--${name}`)
  );
  return [...new Set(names)];
}

/** What comes behind an option. */
function optionCases(command: CommandSpec): string[] {
  return Object.entries(command.options).flatMap(([name, option]) => {
    const offer = offerOfOption(option);
    return offer === undefined ? [] : [`    ${command.name}:--${name}) ${replyOf(offer)}; return ;;`];
  });
}

/** Options where one was begun, else what the arguments are. */
function commandCase(command: CommandSpec): string[] {
  const options = Object.keys(command.options).map((name) => `--${name}`);
  const replies = command.arguments.flatMap((argument, index) => {
    const offer = offerOfArgument(command, argument);
    return offer.kind === "nothing" ? [] : [`        ${index}) ${replyOf(offer)} ;;`];
  });
  return [
    `    ${command.name})`,
    "      if [[ $cur == -* ]]; then",
    `        COMPREPLY=($(compgen -W ${quoted([...options, "--help"])} -- "$cur"))`,
    ...(replies.length === 0 ? [] : ["      else case $place in", ...replies, "      esac"]),
    "      fi ;;",
  ];
}

function replyOf(offer: Offer): string {
  switch (offer.kind) {
    case "folders":
      return 'COMPREPLY=($(compgen -d -- "$cur"))';
    case "files":
      return 'COMPREPLY=($(compgen -f -- "$cur"))';
    case "pipelines":
      return 'COMPREPLY=($(compgen -W "$(_sluice_pipelines)" -- "$cur"))';
    case "words":
      return `COMPREPLY=($(compgen -W ${quoted(offer.words)} -- "$cur"))`;
    case "nothing":
      return ":";
  }
}

const quoted = (words: readonly string[]): string => `"${words.join(" ")}"`;
