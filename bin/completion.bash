# shellcheck shell=bash
# Tab completion for bash: source bin/completion.bash
# The program itself says what may follow the words so far.

_skp_complete() {
  local candidates word=${2-}
  candidates=$("${COMP_WORDS[0]}" --complete -- "${COMP_WORDS[@]}" 2>/dev/null) || return 0
  mapfile -t COMPREPLY < <(compgen -W "$candidates" -- "$word")
}

complete -o default -F _skp_complete skp.py ./skp.py bin/skp.sh skp.sh
