# Tab completion for zsh: source bin/completion.zsh
# The program itself says what may follow the words so far.

(( $+functions[compdef] )) || { autoload -Uz compinit && compinit -D }

_skp() {
  local -a candidates
  candidates=("${(@f)$(${(Q)words[1]} --complete -- "${(@)words[1,CURRENT]}" 2>/dev/null)}")
  candidates=(${candidates:#})
  if (( $#candidates )); then compadd -- $candidates; else _files; fi
}

compdef _skp skp.py skp.sh
