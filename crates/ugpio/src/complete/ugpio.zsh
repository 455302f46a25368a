#compdef ugpio
# zsh completion for ugpio; made by `ugpio completions zsh`
_ugpio() {
    local -a lines done open
    local line value what
    lines=("${(@f)$("${(@Q)words[1]}" complete -- ugpio "${(@Q)words[2,CURRENT]}" 2>/dev/null)}")
    for line in $lines; do
        value=${line%%$'\t'*}
        what=${value//:/\\:}
        [[ $line == *$'\t'* ]] && what+=:${line#*$'\t'}
        if [[ $value == *[/=:] ]]; then
            open+=("$what")
        else
            done+=("$what")
        fi
    done
    (( $#open )) && _describe -V ugpio open -S ''
    (( $#done )) && _describe -V ugpio done
    (( $#open + $#done ))
}
if [[ ${funcstack[1]-} == _ugpio ]]; then
    _ugpio "$@"
else
    compdef _ugpio ugpio
fi
