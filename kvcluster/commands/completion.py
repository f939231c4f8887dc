"""`completion`: the script by which bash, zsh or fish completes the words of a program.

shtab makes it from the parser, so it knows every command and option that the parser knows, and
costs a shell nothing but a function: the program is not started to complete a word.

A script is mostly typed as `python client.py`, and there the shell completes for Python. So for a
script we add a function that takes such lines over, and leaves all others to whoever had them.

Rejected: argcomplete, which starts the program at each press of the key: a sixth of a second, and
it must be told to every shell. Keys are not completed, since that would be a request.
"""

from __future__ import annotations

import argparse

from kvcluster.commands.command import Asks, Call, Command, Work
from kvcluster.commands.parser import build
from kvcluster.console.arguments import argument
from kvcluster.console.screen import Exit, complain, show

_BASH = """
_kv_others=$(complete -p python 2>/dev/null | sed -n 's/.*-F \\([^ ]*\\) .*/\\1/p')
[[ $_kv_others == _kv_behind_python ]] && _kv_others=
_kv_behind_python() {
  if (( COMP_CWORD > 1 )) && [[ ${COMP_WORDS[1]##*/} == PROGRAM ]]; then
    COMP_WORDS=("${COMP_WORDS[@]:1}")
    (( COMP_CWORD-- ))
    FUNCTION "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
  elif [[ -n $_kv_others ]]; then
    "$_kv_others" "$@"
  fi
}
complete -o default -F _kv_behind_python python python3
"""
_ZSH = """
_kv_behind_python() {
  if (( CURRENT > 2 )) && [[ ${words[2]:t} == PROGRAM ]]; then
    shift words
    (( CURRENT-- ))
    FUNCTION "$@"
  elif (( $+functions[_python] )); then
    _python "$@"
  else
    _files
  fi
}
if [[ $zsh_eval_context[-1] == eval ]]; then
  compdef _kv_behind_python python python3
fi
"""
_FISH = """
function _kv_behind_python
  set -l words (commandline -opc)
  test (count $words) -ge 2; and string match -qr '(^|/)PROGRAM$' -- $words[2]
end
function _kv_offers
  set -l words (commandline -opc)
  complete -C "PROGRAM "(string join ' ' -- (string escape -- $words[3..-1]) (commandline -ct))
end
complete -c python -n _kv_behind_python -f -k -a '(_kv_offers)'
complete -c python3 -n _kv_behind_python -f -k -a '(_kv_offers)'
"""
_BEHIND_PYTHON = {"bash": _BASH, "zsh": _ZSH, "fish": _FISH}


def _prepare(call: Call) -> Work:
    parser = build(call.program)
    return lambda: _run(parser, call.options.shell)


def _run(parser: argparse.ArgumentParser, shell: str) -> int:
    """Print the script; return the exit code."""
    try:
        import shtab
    except ModuleNotFoundError:
        complain(
            "The completion is made by shtab, which is not installed: pip install shtab,"
            " or make setup."
        )
        return Exit.BAD_USAGE
    show(f"{shtab.complete(parser, shell)}\n")
    if parser.prog.endswith(".py"):
        function = f"_shtab_{parser.prog.replace('.', '_')}"
        behind = _BEHIND_PYTHON[shell].replace("PROGRAM", parser.prog)
        show(f"{behind.replace('FUNCTION', function)}\n")
    return Exit.DONE


COMMAND = Command(
    text="print what makes a shell complete",
    asks=Asks.NOBODY,
    page="completion SHELL      print what makes bash, zsh or fish complete",
    epilog="""\
examples:
  source <(python client.py completion bash)          or this line in ~/.bashrc
  eval "$(python client.py completion zsh)"           or in ~/.zshrc
  python client.py completion fish | source
  python client.py completion fish > ~/.config/fish/completions/client.py.fish

The words are completed behind client.py, ./client.py and python client.py.
""",
    in_shell=False,
    arguments=(argument("shell", text="which shell", choices=tuple(_BEHIND_PYTHON)),),
    prepare=_prepare,
)
