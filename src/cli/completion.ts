/** `slipstream completion`: scripts with which a shell completes commands and options. */

import { Argument, Command } from "commander";
import { processTerminal, type Terminal } from "../common/terminal.js";

/** What can follow a command: `path` is empty for slipstream itself, else for example "model pack". */
interface Completion {
  readonly path: string;
  readonly words: readonly string[];
}

/** all: every subcommand, loaded only when a script is asked for. */
export function completionCommand(
  all: () => Promise<readonly Command[]>,
  terminal: Terminal = processTerminal(),
): Command {
  return new Command("completion")
    .description("print a script with which a shell completes commands and options")
    .addArgument(new Argument("<shell>").choices(["bash", "zsh", "fish"]))
    .addHelpText(
      "after",
      '\nbash: eval "$(slipstream completion bash)" in ~/.bashrc' +
        '\nzsh:  eval "$(slipstream completion zsh)" in ~/.zshrc, after compinit' +
        "\nfish: slipstream completion fish | source, in ~/.config/fish/config.fish" +
        "\nExit status: 0 printed, 2 wrong usage.",
    )
    .exitOverride()
    .action(async (shell: "bash" | "zsh" | "fish") => {
      const completions = completionsOf("", await all());
      terminal.out(shell === "fish" ? fishScript(completions) : bashScript(completions, shell));
    });
}

function completionsOf(path: string, commands: readonly Command[]): Completion[] {
  const below = commands.flatMap((command) => {
    const own = `${path} ${command.name()}`.trim();
    const options = command.options.flatMap(({ long, short }) => long ?? short ?? []);
    const [first, ...rest] = completionsOf(own, command.commands);
    return [{ path: own, words: [...(first?.words ?? []), ...options, "--help"] }, ...rest];
  });
  return [{ path, words: commands.map((command) => command.name()) }, ...below];
}

function bashScript(completions: readonly Completion[], shell: "bash" | "zsh"): string {
  const cases = completions.map(
    ({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`,
  );
  const prelude = shell === "zsh" ? "autoload -U bashcompinit && bashcompinit\n" : "";
  return `${prelude}_slipstream() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" words="" word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) ;; *) path="\${path:+$path }$word" ;; esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [[ -n $words ]]; then COMPREPLY=($(compgen -W "$words" -- "$current"))
  else COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _slipstream slipstream
`;
}

function fishScript(completions: readonly Completion[]): string {
  const lines = completions.map(({ path, words }) => {
    const condition = `test (string join ' ' (string match -v -- '-*' (commandline -xpc)[2..])) = '${path}'`;
    return `complete -c slipstream -n "${condition}" -a '${words.join(" ")}'`;
  });
  return `${lines.join("\n")}\n`;
}
