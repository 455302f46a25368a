# fish completion for ugpio; made by `ugpio completions fish`
function __ugpio_complete
    set -l words (commandline --current-process --tokenize --cut-at-cursor)
    $words[1] complete -- ugpio $words[2..] (commandline --current-token --cut-at-cursor) 2>/dev/null
end
complete --command ugpio --no-files --keep-order --arguments '(__ugpio_complete)'
