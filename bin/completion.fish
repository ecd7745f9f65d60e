# Tab completion for fish: source bin/completion.fish
# The program itself says what may follow the words so far.

function __skp_candidates
    set -l words (commandline -opc) (commandline -ct)
    eval $words[1] --complete -- (string escape -- $words) 2>/dev/null
end

for name in skp.py skp.sh
    complete -c $name -a '(__skp_candidates)'
end
