# bash completion for ugpio; made by `ugpio completions bash`
_ugpio() {
    # Bash breaks words at = and :, which words of ugpio hold. Put together again what stands together.
    local rest=${COMP_LINE:0:COMP_POINT} words=() part trimmed i
    for ((i = 0; i <= COMP_CWORD; i++)); do
        trimmed=${rest#"${rest%%[![:space:]]*}"}
        if ((i == 0)) || [[ $trimmed != "$rest" ]]; then
            words+=("")
        fi
        part=${COMP_WORDS[i]}
        ((i < COMP_CWORD)) || part=$trimmed
        words[${#words[@]} - 1]+=$part
        rest=${trimmed:${#part}}
    done
    # Bash replaces what stands behind the last place where it broke the word.
    local current=${words[${#words[@]} - 1]} fixed='' break
    for break in = :; do
        if [[ $COMP_WORDBREAKS == *"$break"* && $current == *"$break"* ]]; then
            part=${current%"${current##*"$break"}"}
            ((${#part} <= ${#fixed})) || fixed=$part
        fi
    done
    COMPREPLY=()
    local line value
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        printf -v part '%q' "${value#"$fixed"}"
        COMPREPLY+=("${part/#\\~\//\~/}")
    done < <("${words[0]/#\~\//$HOME/}" complete -- ugpio "${words[@]:1}" 2>/dev/null)
    # More is to follow where a single candidate ends so.
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *[/=:] ]]; then
        compopt -o nospace
    fi
}
complete -o nosort -F _ugpio ugpio 2>/dev/null || complete -F _ugpio ugpio
