import type { CommandSpec } from "../command.ts";
import { type Offer, offerOfArgument, offerOfOption } from "./words.ts";

/** The script that fish reads: `sluice completion fish | source`. */
export function fishScript(commands: readonly CommandSpec[]): string {
  return [
    "# Completion of sluice for fish.",
    "function __sluice_pipelines",
    "  set -l project .",
    "  if set -q SLUICE_PROJECT; set project $SLUICE_PROJECT; end",
    "  set -l words (commandline -opc)",
    "  if set -l i (contains -i -- --project $words)",
    "    set project (string replace -r '^~' $HOME -- $words[(math $i + 1)])",
    "  end",
    "  for file in $project/pipelines/*.yaml $project/pipelines/*.yml",
    "    string replace -r '.*/(.*)\\.ya?ml$' '$1' -- $file",
    "  end",
    "end",
    "complete -c sluice -f",
    ...commands.map(({ name, summary }) =>
      `complete -c sluice -n __fish_use_subcommand -a ${name} -d ${quote(summary)}`
    ),
    ...commands.flatMap(linesOf),
  ].join("\n");
}

function linesOf(command: CommandSpec): string[] {
  const head = `complete -c sluice -n '__fish_seen_subcommand_from ${command.name}'`;
  const options = Object.entries(command.options).map(([name, option]) => {
    const offer = offerOfOption(option);
    const value = offer === undefined ? "" : ` -x${wordsOf(offer)}`;
    return `${head} -l ${name}${value} -d ${quote(option.description)}`;
  });
  const offers = command.arguments.map((argument) => wordsOf(offerOfArgument(command, argument)));
  return [...options, ...offers.filter((words) => words !== "").map((words) => `${head}${words}`)];
}

function wordsOf(offer: Offer): string {
  switch (offer.kind) {
    case "folders":
      return " -a '(__fish_complete_directories)'";
    case "files":
      return " -a '(__fish_complete_path)'";
    case "pipelines":
      return " -a '(__sluice_pipelines)'";
    case "words":
      return ` -a ${quote(offer.words.join(" "))}`;
    case "nothing":
      return "";
  }
}

const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
