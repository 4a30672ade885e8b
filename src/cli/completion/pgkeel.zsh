#compdef pgkeel
# zsh completion for pgkeel. What can follow is asked of pgkeel itself, so it is never out of date.

_pgkeel ()
{
  local -a entries options
  local line word explanation entry
  local tab=$'\t'
  while IFS= read -r line; do
    case $line in
      :files) _files ;;
      :folders) _files -/ ;;
      *)
        word=${line%%$tab*}
        explanation=${line#*$tab}
        [[ $line == *$tab* ]] || explanation=
        entry="${word//:/\\:}${explanation:+:$explanation}"
        if [[ $word == *= ]]; then options+=("$entry"); else entries+=("$entry"); fi
        ;;
    esac
  done < <("${words[1]}" completion words -- "${(@)words[2,CURRENT]}" 2> /dev/null)
  (( $#options )) && _describe -o 'option' options -S ''
  (( $#entries )) && _describe 'pgkeel' entries
  return 0
}

# Loaded by name from fpath, or sourced.
if [[ $funcstack[1] == _pgkeel ]]; then
  _pgkeel "$@"
else
  compdef _pgkeel pgkeel
fi
