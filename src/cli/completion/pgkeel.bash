# bash completion for pgkeel. What can follow is asked of pgkeel itself, so it is never out of date.

_pgkeel ()
{
  local words=() word current prefix='' line i
  # Bash hands over words as they are typed: take quotes and backslashes off, which readline puts back
  # where it must. And it splits at "=": put --option=value together again, and give back only
  # what stands after it.
  for ((i = 1; i <= COMP_CWORD; i++)); do
    word=${COMP_WORDS[i]#[\'\"]}
    word=${word//\\/}
    if [[ $word == '=' && ${#words[@]} -gt 0 && ${words[-1]} == --* && ${words[-1]} != *=* ]]; then
      words[-1]+='='
    elif [[ ${#words[@]} -gt 0 && ${words[-1]} == --*= && ${COMP_WORDS[i - 1]} == '=' ]]; then
      words[-1]+=$word
    else
      words+=("$word")
    fi
  done
  current=${words[-1]}
  if [[ $current == --*=* ]]; then
    prefix=${current%%=*}=
    current=${current#*=}
  fi

  COMPREPLY=()
  while IFS= read -r line; do
    case $line in
      :files)
        # Where nothing is found, readline tries itself: it knows ~ and variables.
        compopt -o filenames -o default
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -f -- "$current")
        ;;
      :folders)
        compopt -o filenames
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$current")
        ;;
      *)
        line=${line%%$'\t'*}
        COMPREPLY+=("${line#"$prefix"}")
        [[ $line == *= ]] && compopt -o nospace
        ;;
    esac
  done < <("${COMP_WORDS[0]}" completion words -- "${words[@]}" 2> /dev/null)
}

complete -F _pgkeel pgkeel
